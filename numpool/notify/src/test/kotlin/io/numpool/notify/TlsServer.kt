package io.numpool.notify

import io.numpool.testkit.OwnPostgres
import io.numpool.testkit.ServerSettings
import java.nio.file.Files
import java.nio.file.Path
import java.security.KeyStore
import java.util.Base64

/** A server with TLS on, its certificate made for this run. */
object TlsServer {
    private const val PASSWORD = "changeit"
    private const val KEY = "-alias server -keyalg RSA -keysize 2048 -dname CN=localhost"

    private val server: OwnPostgres by lazy {
        val store = certified()
        OwnPostgres.start(
            ServerSettings
                .fast()
                .with("ssl", "on")
                .withFile("server.key", pem("PRIVATE KEY", store.getKey("server", PASSWORD.toCharArray()).encoded))
                .withFile("server.crt", pem("CERTIFICATE", store.getCertificate("server").encoded)),
        )
    }

    fun newDatabase(): Database = Database(server.emptyDatabase())

    private fun certified(): KeyStore {
        val folder = Files.createTempDirectory("notify-tls")
        val file = folder.resolve("server.p12")
        try {
            val keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString()
            val arguments = "-genkeypair $KEY -storetype PKCS12 -storepass $PASSWORD -keystore $file"
            val process = ProcessBuilder(listOf(keytool) + arguments.split(' ')).redirectErrorStream(true).start()
            val output = process.inputReader().readText()
            check(process.waitFor() == 0) { output }
            return KeyStore.getInstance("PKCS12").also { store ->
                Files.newInputStream(file).use { store.load(it, PASSWORD.toCharArray()) }
            }
        } finally {
            folder.toFile().deleteRecursively()
        }
    }

    private fun pem(
        type: String,
        bytes: ByteArray,
    ): String {
        val base64 = Base64.getMimeEncoder(64, "\n".toByteArray()).encodeToString(bytes)
        return "-----BEGIN $type-----\n$base64\n-----END $type-----\n"
    }
}
