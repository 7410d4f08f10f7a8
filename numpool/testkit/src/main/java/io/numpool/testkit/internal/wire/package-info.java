/** The machinery of the wire proxy. Nothing in here is for users. */
package io.numpool.testkit.internal.wire;
