package io.numpool.notify.internal

import java.io.FilterInputStream
import java.io.InputStream
import java.net.Socket
import java.net.SocketTimeoutException

/** A socket that answers a read with a timeout of [PEEK_MILLIS] from what has already arrived. */
internal class PromptSocket : Socket() {
    @Volatile
    private var peeking = false

    override fun setSoTimeout(timeout: Int) {
        super.setSoTimeout(timeout)
        peeking = timeout == PEEK_MILLIS
    }

    /**
     * What the TLS socket around this one asks before it closes: with a linger time it waits for that long at most to say goodbye, without one
     * for whoever is stuck in writing to a dead network. The socket's own option stays off.
     */
    override fun getSoLinger(): Int = 0

    override fun getInputStream(): InputStream = Input(super.getInputStream())

    private inner class Input(
        socket: InputStream,
    ) : FilterInputStream(socket) {
        override fun read(): Int {
            timeOutWhenPeekingAtNothing()
            return super.read()
        }

        override fun read(
            bytes: ByteArray,
            offset: Int,
            length: Int,
        ): Int {
            timeOutWhenPeekingAtNothing()
            return super.read(bytes, offset, length)
        }

        // At the end of the stream nothing is available either: the next read that waits will see it.
        private fun timeOutWhenPeekingAtNothing() {
            if (peeking && `in`.available() == 0) throw SocketTimeoutException("Nothing to read yet")
        }
    }

    private companion object {
        /** The timeout of pgjdbc's `PGStream.hasMessagePending`. */
        const val PEEK_MILLIS = 1
    }
}
