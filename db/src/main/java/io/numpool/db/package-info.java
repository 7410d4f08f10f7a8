/** The schema of numpool: SQL migrations, one line of them per library, and the ways to apply them. */
package io.numpool.db;
