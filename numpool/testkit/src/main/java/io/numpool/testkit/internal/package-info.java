/** Nothing in here is for users. */
package io.numpool.testkit.internal;
