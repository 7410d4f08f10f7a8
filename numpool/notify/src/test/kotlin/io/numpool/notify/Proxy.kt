package io.numpool.notify

import java.io.IOException
import java.net.InetAddress
import java.net.ServerSocket
import java.net.Socket
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread

/** Stands between a client and a server, and can misbehave as networks do. */
class Proxy(
    private val host: String,
    private val serverPort: Int,
) : AutoCloseable {
    private val acceptor = ServerSocket(0, 50, InetAddress.getLoopbackAddress())
    private val sockets: MutableSet<Socket> = ConcurrentHashMap.newKeySet()

    @Volatile
    private var gate = CountDownLatch(0)

    /** New connections are closed at once. */
    @Volatile
    var refusing: Boolean = false

    /** What comes from the server arrives byte by byte. */
    @Volatile
    var trickling: Boolean = false

    val port: Int get() = acceptor.localPort

    init {
        thread(isDaemon = true, name = "proxy acceptor") { acceptAll() }
    }

    /** From now on nothing passes, on old connections and new ones, and nobody is told. */
    fun swallow() {
        gate = CountDownLatch(1)
    }

    fun letPass() {
        gate.countDown()
    }

    fun cut(): Unit = sockets.forEach(Socket::close)

    override fun close() {
        acceptor.close()
        letPass()
        cut()
    }

    private fun acceptAll() {
        while (true) {
            val client =
                try {
                    acceptor.accept()
                } catch (_: IOException) {
                    return
                }
            if (refusing) client.close() else connect(client)
        }
    }

    private fun connect(client: Socket) {
        val server = Socket(host, serverPort)
        for (socket in listOf(client, server)) socket.tcpNoDelay = true
        sockets += listOf(client, server)
        pump(client, server) { false }
        pump(server, client) { trickling }
    }

    private fun pump(
        from: Socket,
        to: Socket,
        byteByByte: () -> Boolean,
    ) = thread(isDaemon = true, name = "proxy pump") {
        try {
            val bytes = ByteArray(8192)
            while (true) {
                val count = from.getInputStream().read(bytes)
                gate.await()
                if (count < 0) break
                val out = to.getOutputStream()
                if (byteByByte()) (0 until count).forEach { out.write(bytes, it, 1) } else out.write(bytes, 0, count)
            }
        } catch (_: IOException) {
            // The one side is gone; so must the other be.
        } finally {
            from.close()
            to.close()
        }
    }
}
