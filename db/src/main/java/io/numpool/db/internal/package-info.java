/** Nothing in here is for users. */
package io.numpool.db.internal;
