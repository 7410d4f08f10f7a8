package io.numpool.internal.store;

import java.util.ArrayList;
import java.util.List;

/** A grant that its session has to be told of. */
public record Notice(long session, long ticket, int slot) {
    static List<Notice> list(Long[] sessions, Long[] tickets, Integer[] slots) {
        if (sessions.length == 0) return List.of();
        List<Notice> notices = new ArrayList<>(sessions.length);
        for (int i = 0; i < sessions.length; i++) notices.add(new Notice(sessions[i], tickets[i], slots[i]));
        return notices;
    }
}
