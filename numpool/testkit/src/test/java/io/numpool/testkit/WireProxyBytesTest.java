package io.numpool.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What exactly arrives: both sides are played here, byte by byte. */
@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class WireProxyBytesTest {
    private static final int PROTOCOL = 3 << 16;
    private static final int ENCRYPT_TLS = 80877103;

    private ServerSocket listening;
    private WireProxy proxy;
    private Socket client;
    private Socket server;

    @BeforeEach
    void open() throws IOException {
        listening = new ServerSocket(0, 10, InetAddress.getByName("127.0.0.1"));
        proxy = WireProxy.inFrontOf("127.0.0.1", listening.getLocalPort());
        client = new Socket("127.0.0.1", proxy.port());
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        if (server != null) {
            server.close();
        }
        proxy.close();
        listening.close();
    }

    @Test
    void the_server_is_connected_when_there_is_something_for_it_and_not_in_a_black_hole() throws Exception {
        proxy.swallow();
        send(client, startup(PROTOCOL));
        listening.setSoTimeout(100);
        assertThrows(SocketTimeoutException.class, listening::accept);
        proxy.resume();
        listening.setSoTimeout(0);
        server = listening.accept();
        assertArrivesAt(server, startup(PROTOCOL));
    }

    @Test
    void each_side_may_end_its_output_and_go_on_to_listen() throws Exception {
        talk();
        send(client, message('Q', "SELECT 1\0"));
        client.shutdownOutput();
        assertArrivesAt(server, message('Q', "SELECT 1\0"));
        assertEquals(-1, server.getInputStream().read());
        assertEquals(1, proxy.connections());

        send(server, message('Z', "I"));
        assertArrivesAt(client, message('Z', "I"));
        server.shutdownOutput();
        assertEquals(-1, client.getInputStream().read());
        Await.until("it is closed", () -> proxy.connections() == 0);
    }

    @Test
    void half_a_message_is_passed_on_with_the_end() throws Exception {
        talk();
        send(client, new byte[] {'Q', 0, 0, 0, 100, 'S'});
        client.shutdownOutput();
        assertArrivesAt(server, new byte[] {'Q', 0, 0, 0, 100, 'S'});
        send(server, new byte[] {'E', 0, 0});
        server.shutdownOutput();
        assertArrivesAt(client, new byte[] {'E', 0, 0});
    }

    @Test
    void a_reset_of_one_side_is_one_for_the_other_after_what_was_sent_before() throws Exception {
        talk();
        proxy.swallow();
        send(client, message('Q', "SELECT 1\0"));
        client.setSoLinger(true, 0);
        client.close();
        server.setSoTimeout(100);
        assertThrows(SocketTimeoutException.class, () -> server.getInputStream().read());

        proxy.resume();
        server.setSoTimeout(0);
        assertArrivesAt(server, message('Q', "SELECT 1\0"));
        assertReset(server);
    }

    @Test
    void a_cut_is_an_orderly_end_on_both_sides() throws Exception {
        talk();
        send(client, message('Q', "SELECT 1\0"));
        assertArrivesAt(server, message('Q', "SELECT 1\0"));
        proxy.cut();
        send(client, message('Q', "SELECT 2\0"));
        send(server, message('Z', "I"));
        assertEquals(-1, client.getInputStream().read());
        assertEquals(-1, server.getInputStream().read());
    }

    @Test
    void a_cut_is_orderly_though_much_was_not_read() throws Exception {
        talk();
        proxy.swallow();
        var sending = CompletableFuture.runAsync(() -> {
            try {
                send(server, message('D', "x".repeat(1 << 26))); // more than any socket buffers
            } catch (IOException cut) {
                throw new UncheckedIOException(cut);
            }
        });
        assertThrows(TimeoutException.class, () -> sending.get(300, TimeUnit.MILLISECONDS), "all is taken");
        proxy.cut();
        sending.get(30, TimeUnit.SECONDS);
        assertEquals(-1, client.getInputStream().read());
        assertEquals(-1, server.getInputStream().read());
    }

    @Test
    void a_reset_is_one_on_both_sides() throws Exception {
        talk();
        proxy.reset();
        assertReset(client);
        assertReset(server);
    }

    @Test
    void a_client_is_reset_when_the_server_is_not_there() throws Exception {
        listening.close();
        send(client, startup(PROTOCOL));
        assertReset(client);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void a_cut_within_an_answer_comes_after_just_so_many_messages(int messages) throws Exception {
        talk();
        send(client, message('Q', "SELECT 1\0"));
        var cut = proxy.cutInAnswer("select 2", messages);
        send(client, message('Q', "SELECT 2\0"));
        assertArrivesAt(server, concat(message('Q', "SELECT 1\0"), message('Q', "SELECT 2\0")));

        send(server, concat(message('C', "SELECT 1\0"), message('Z', "I")));
        send(server, concat(message('N', "\0"), message('1', "")));
        send(server, concat(message('A', "1234x\0\0"), message('2', "")));
        assertFalse(cut.isDone());
        send(server, concat(message('C', "SELECT 1\0"), message('Z', "I"), message('S', "late\0")));
        var passed = new byte[][] {
            message('1', ""), concat(message('A', "1234x\0\0"), message('2', "")), message('C', "SELECT 1\0")
        };
        assertArrivesAt(client, concat(message('C', "SELECT 1\0"), message('Z', "I"), message('N', "\0")));
        for (var i = 0; i < messages; i++) {
            assertArrivesAt(client, passed[i]);
        }
        assertEquals(-1, client.getInputStream().read());
        assertEquals(Optional.empty(), cut.get(30, TimeUnit.SECONDS));
    }

    @Test
    void the_last_message_of_an_answer_never_comes() throws Exception {
        talk();
        var cut = proxy.cutInAnswer("select 1", 50);
        send(client, message('Q', "SELECT 1\0"));
        assertArrivesAt(server, message('Q', "SELECT 1\0"));
        send(server, concat(message('E', "SERROR\0C40001\0Mno\0\0"), message('Z', "I")));
        assertArrivesAt(client, message('E', "SERROR\0C40001\0Mno\0\0"));
        assertEquals(-1, client.getInputStream().read());
        assertEquals(Optional.of("40001"), cut.get(30, TimeUnit.SECONDS));
    }

    @Test
    void a_request_of_the_extended_protocol_goes_on_with_its_sync_and_not_before() throws Exception {
        talk();
        var parts = concat(
                message('P', "one\0SELECT 1\0\0\0"), message('B', "\0one\0\0\0\0\0\0\0"), message('E', "\0\0\0\0\0"));
        var late = proxy.hold("select 1");
        send(client, parts);
        assertFalse(late.held().isDone());
        send(client, message('S', ""));
        late.held().get(30, TimeUnit.SECONDS);
        assertEquals(-1, client.getInputStream().read());

        late.deliver();
        assertArrivesAt(server, concat(parts, message('S', "")));
        send(server, concat(message('C', "SELECT 1\0"), message('Z', "I")));
        assertEquals(Optional.empty(), late.deliver().get(30, TimeUnit.SECONDS));
        assertEquals(-1, server.getInputStream().read());
    }

    @Test
    void what_is_encrypted_passes_unread() throws Exception {
        var cut = proxy.cutBefore("select 1");
        send(client, startup(ENCRYPT_TLS));
        server = listening.accept();
        assertArrivesAt(server, startup(ENCRYPT_TLS));
        send(server, new byte[] {'S'});
        assertArrivesAt(client, new byte[] {'S'});

        send(client, new byte[] {22, 3, 1, 0, 0, 0, 1});
        assertArrivesAt(server, new byte[] {22, 3, 1, 0, 0, 0, 1});
        send(client, message('Q', "SELECT 1\0"));
        assertArrivesAt(server, message('Q', "SELECT 1\0"));
        send(server, new byte[] {0, 0, 0, 0, 0, 0, 0});
        assertArrivesAt(client, new byte[] {0, 0, 0, 0, 0, 0, 0});
        assertFalse(cut.isDone());
    }

    @Test
    void a_server_that_does_not_encrypt_says_no_and_is_talked_to() throws Exception {
        send(client, startup(ENCRYPT_TLS));
        server = listening.accept();
        assertArrivesAt(server, startup(ENCRYPT_TLS));
        send(server, new byte[] {'N'});
        assertArrivesAt(client, new byte[] {'N'});
        send(client, startup(PROTOCOL));
        assertArrivesAt(server, startup(PROTOCOL));

        var cut = proxy.cutBefore("select 1");
        send(client, message('Q', "SELECT 1\0"));
        assertEquals(-1, client.getInputStream().read());
        cut.get(30, TimeUnit.SECONDS);
    }

    @Test
    void what_is_not_postgresql_passes_as_it_is() throws Exception {
        send(client, "GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        server = listening.accept();
        assertArrivesAt(server, "GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        send(server, new byte[100]);
        assertArrivesAt(client, new byte[100]);
    }

    /** Beyond the startup and its answer. */
    private void talk() throws IOException {
        send(client, startup(PROTOCOL));
        server = listening.accept();
        assertArrivesAt(server, startup(PROTOCOL));
        var welcome = concat(message('R', "\0\0\0\0"), message('Z', "I"));
        send(server, welcome);
        assertArrivesAt(client, welcome);
    }

    private static byte[] startup(int code) throws IOException {
        var bytes = new ByteArrayOutputStream();
        var out = new DataOutputStream(bytes);
        out.writeInt(8);
        out.writeInt(code);
        return bytes.toByteArray();
    }

    private static byte[] message(char type, String body) throws IOException {
        var bytes = new ByteArrayOutputStream();
        var out = new DataOutputStream(bytes);
        out.writeByte(type);
        out.writeInt(4 + body.length());
        out.writeBytes(body);
        return bytes.toByteArray();
    }

    private static byte[] concat(byte[]... parts) {
        var all = new ByteArrayOutputStream();
        for (var part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    private static void send(Socket from, byte[] bytes) throws IOException {
        from.getOutputStream().write(bytes);
    }

    private static void assertArrivesAt(Socket to, byte[] bytes) throws IOException {
        assertArrayEquals(bytes, to.getInputStream().readNBytes(bytes.length));
    }

    private static void assertReset(Socket socket) {
        var reset = assertThrows(
                SocketException.class, () -> socket.getInputStream().read());
        assertTrue(reset.getMessage().contains("reset"), reset.getMessage());
    }
}
