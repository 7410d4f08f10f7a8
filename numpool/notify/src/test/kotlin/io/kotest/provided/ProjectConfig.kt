package io.kotest.provided

import io.kotest.core.config.AbstractProjectConfig
import kotlin.time.Duration.Companion.minutes

/** Found by its name. A test that hangs fails, and doesn't hold up the build for long. */
class ProjectConfig : AbstractProjectConfig() {
    override val timeout = 2.minutes
}
