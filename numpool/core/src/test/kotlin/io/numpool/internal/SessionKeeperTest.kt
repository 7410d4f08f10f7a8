package io.numpool.internal

import io.kotest.matchers.shouldBe
import io.kotest.matchers.shouldNotBe
import io.numpool.StageSpec
import io.numpool.fault.Sql
import io.numpool.fault.awaited
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope

class SessionKeeperTest :
    StageSpec({
        test("a session whose opening was given up and comes late is ended again: the one that was opened meanwhile stays") {
            val database = stage.database
            val keeper = SessionKeeper((stage.client() as Client).engine)
            Sql(database).use { inTheWay ->
                val predecessor = inTheWay.openSession()
                inTheWay.connection.autoCommit = false
                inTheWay.call("SELECT pg_advisory_xact_lock('session_beat'::regclass::oid::integer, ?)::text", predecessor.toInt())
                coroutineScope {
                    val late = async(Dispatchers.IO) { database.connect().use { keeper.open(it, predecessor) } }
                    awaited("the first call waits") {
                        stage.count("pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE '%open_session%'") == 1
                    }
                    database.connect().use { keeper.open(it, null) }
                    val session = keeper.current
                    session shouldNotBe null
                    val living = "numpool.session WHERE dead IS NULL AND id <> $predecessor"
                    val before = stage.count(living)
                    inTheWay.connection.commit()
                    late.await()
                    keeper.current shouldBe session
                    stage.count(living) shouldBe before
                }
            }
        }

        test("who has a session opens no other") {
            val keeper = SessionKeeper((stage.client() as Client).engine)
            stage.database.connect().use { connection ->
                keeper.open(connection, null)
                val session = keeper.current
                val before = stage.count("numpool.session")
                keeper.open(connection, null)
                keeper.current shouldBe session
                stage.count("numpool.session") shouldBe before
            }
        }
    })
