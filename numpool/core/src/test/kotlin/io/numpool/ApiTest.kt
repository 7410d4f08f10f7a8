package io.numpool

import io.kotest.core.spec.style.FunSpec
import io.numpool.testkit.ApiDump
import java.nio.file.Path

class ApiTest :
    FunSpec({
        test("the public API is the committed one") {
            ApiDump.check(Path.of("target/classes"), Path.of("api/numpool-core.api"))
        }
    })
