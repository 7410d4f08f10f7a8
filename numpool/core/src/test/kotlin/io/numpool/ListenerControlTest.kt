package io.numpool

import io.kotest.matchers.comparables.shouldBeLessThan
import io.kotest.matchers.shouldBe
import io.numpool.testkit.Signals
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime

class ListenerControlTest :
    StageSpec({
        test("the listener is started by open, and brings grants of others without polling") {
            coroutineScope {
                val a = stage.client()
                val b = stage.client { pollInterval = 1.hours }
                b.mode shouldBe NumpoolMode.LISTENING
                val pool = a.pool("told", 1)
                repeat(10) {
                    val holder = pool.acquire()
                    val waiter = queued(pool) { b.pool("told").acquire() }
                    measureTime {
                        holder.close()
                        waiter.value().release()
                    } shouldBeLessThan 20.seconds
                }
            }
        }

        test("startListening = false leaves it to listen()") {
            coroutineScope {
                val client = stage.client { startListening = false }
                client.mode shouldBe NumpoolMode.POLL_ONLY
                mode(client) shouldBe "new"
                List(3) { launch { client.listen() } }.forEach { it.join() }
                client.mode shouldBe NumpoolMode.LISTENING
                await("the session to be attached", { mode(client) }) { it == "attached" }
                client.listen()
            }
        }

        test("before listen() grants of others come by polling") {
            coroutineScope {
                val client =
                    stage.client {
                        startListening = false
                        pollInterval = 50.milliseconds
                    }
                grantFromElsewhere(client)
            }
        }

        test("poll only: no listener, and the mode says so") {
            coroutineScope {
                val dataSource = stage.hikari()
                val client =
                    stage.client(dataSource) {
                        pollOnly = true
                        pollInterval = 50.milliseconds
                    }
                client.mode shouldBe NumpoolMode.POLL_ONLY
                client.modeReason shouldBe null
                mode(client) shouldBe "poll"
                client.listen()
                client.mode shouldBe NumpoolMode.POLL_ONLY
                grantFromElsewhere(client)
            }
        }

        test("a listener connection that breaks is made again, and the client is told") {
            val events = Signals<String>("events")
            val client =
                stage.client {
                    detachGrace = 3.seconds
                    listen(
                        object : NumpoolListener {
                            override fun disconnected(cause: Throwable?) = events.send("disconnected")

                            override fun reconnected() = events.send("reconnected")
                        },
                    )
                }
            events.next("attached first") { it == "reconnected" }
            val session = client.session
            val resource = client.pool("kept", 1).acquire()
            stage.database.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE ${aliveLock(session)}") shouldBe "t"
            events.next("told of the break") { it == "disconnected" }
            events.next("told of the new one") { it == "reconnected" }
            client.session shouldBe session
            resource.isHeld shouldBe true
            resource.release() shouldBe ResourceState.RELEASED
        }
    })

private suspend fun StageSpec.grantFromElsewhere(client: Numpool) =
    coroutineScope {
        val id = stage.freshName("elsewhere")
        val other = stage.client().pool(id, 1)
        val holder = other.acquire()
        val waiter = queued(other) { client.pool(id).acquire() }
        holder.release()
        waiter.value().release() shouldBe ResourceState.RELEASED
    }

private fun StageSpec.mode(client: Numpool): String? = stage.database.query("SELECT mode FROM numpool.session WHERE id = ${client.session}")

/** Held by the listener's connection for as long as it lives. */
private fun aliveLock(session: Long) = "locktype = 'advisory' AND classid = 'numpool.session'::regclass AND objid = $session"
