/**
 * What tests need that use PostgreSQL and judge pools: servers and databases, a network that misbehaves, processes that can be killed, a
 * history with its checker, and a property that tells whether a pool is fair. For test scope.
 */
package io.numpool.testkit;
