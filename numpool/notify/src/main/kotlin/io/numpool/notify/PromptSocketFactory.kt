package io.numpool.notify

import io.numpool.notify.internal.PromptSocket
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.Socket
import javax.net.SocketFactory

/**
 * Lets notifications through pgjdbc without delay: connection property
 * `socketFactory=io.numpool.notify.PromptSocketFactory`.
 *
 * After each notification pgjdbc looks for another by reading with a timeout of 1 ms, and returns the first only when
 * that read has timed out. Sockets made here answer such a read at once when nothing has arrived. All other reads,
 * and TLS on top, work as ever. Only pgjdbc may use them: a reader that *waits* with a timeout of 1 ms would spin.
 */
public class PromptSocketFactory : SocketFactory() {
    override fun createSocket(): Socket = PromptSocket()

    override fun createSocket(
        host: String,
        port: Int,
    ): Socket = connected(InetSocketAddress(host, port), null)

    override fun createSocket(
        host: String,
        port: Int,
        localHost: InetAddress?,
        localPort: Int,
    ): Socket = connected(InetSocketAddress(host, port), InetSocketAddress(localHost, localPort))

    override fun createSocket(
        host: InetAddress,
        port: Int,
    ): Socket = connected(InetSocketAddress(host, port), null)

    override fun createSocket(
        address: InetAddress,
        port: Int,
        localAddress: InetAddress?,
        localPort: Int,
    ): Socket = connected(InetSocketAddress(address, port), InetSocketAddress(localAddress, localPort))

    private fun connected(
        remote: InetSocketAddress,
        local: InetSocketAddress?,
    ): Socket {
        val socket = PromptSocket()
        try {
            local?.let(socket::bind)
            socket.connect(remote)
        } catch (e: Exception) {
            socket.close()
            throw e
        }
        return socket
    }
}
