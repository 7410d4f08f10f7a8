package io.numpool

import io.kotest.assertions.throwables.shouldThrow
import io.kotest.core.spec.style.FunSpec
import io.kotest.matchers.shouldBe
import io.kotest.matchers.string.shouldContain
import io.numpool.testkit.TestPostgres

class CleanupTest :
    FunSpec({
        timeout = PATIENCE.inWholeMilliseconds * 2

        test("cleanup drops the schema, and closes the client") {
            Stage().use { stage ->
                val client = stage.client()
                val other = stage.client()
                client.pool("used", 2).acquire()
                client.cleanup()
                schemas(stage) shouldBe 0
                client.mode shouldBe NumpoolMode.CLOSED
                shouldThrow<NumpoolClosedException> { client.pools("") }
                shouldThrow<SchemaMissingException> { other.pools("") }.schema shouldBe "numpool"
                stage.client { migrate = true }.pool("anew", 1).withResource { it.index } shouldBe 0
            }
        }

        test("cleanup of a client on connections of its own") {
            Stage().use { stage ->
                Numpool.open(stage.database.urlWithPassword()).cleanup()
                schemas(stage) shouldBe 0
            }
        }

        test("cleanup of a schema that Flyway made, with a name that needs quotes") {
            Stage(TestPostgres.shared().emptyDatabase()).use { stage ->
                stage.client { schema = "My \"pools\"" }.cleanup()
                stage.count("pg_namespace WHERE nspname = 'My \"pools\"'") shouldBe 0
            }
        }

        for ((kind, sql) in listOf(
            "table" to "CREATE TABLE numpool.mine (x int)",
            "view" to "CREATE VIEW numpool.mine AS SELECT 1",
            "function" to "CREATE FUNCTION numpool.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "sequence" to "CREATE SEQUENCE numpool.mine",
            "type" to "CREATE TYPE numpool.mine AS ENUM ('a')",
        )) {
            test("cleanup refuses a schema with a $kind that is not numpool's, and goes on working") {
                Stage().use { stage ->
                    val client = stage.client()
                    stage.database.execute(sql)
                    shouldThrow<IllegalStateException> { client.cleanup() }.message shouldContain "mine"
                    schemas(stage) shouldBe 1
                    client.pool("still", 1).withResource { it.index } shouldBe 0
                }
            }
        }
    })

private fun schemas(stage: Stage) = stage.count("pg_namespace WHERE nspname = 'numpool'")
