package io.numpool.model;

import java.util.List;

/** What a client sends in one {@code exchange}. */
record Call(int session, int epoch, boolean isRetry, List<Item> settled, List<Wish> wishes) {
    Call again(int newEpoch) {
        return new Call(session, newEpoch, true, settled, wishes);
    }
}
