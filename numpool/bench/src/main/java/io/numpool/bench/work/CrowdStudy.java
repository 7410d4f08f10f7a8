package io.numpool.bench.work;

import io.numpool.bench.order.Acquire;
import io.numpool.bench.order.ForeignGrants;
import io.numpool.bench.report.Figure;
import io.numpool.bench.round.Stage;
import io.numpool.bench.round.Study;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;

/**
 * What many processes cost the server: connections, counted in pg_stat_activity, and wake-ups, counted by listening along. Each client listens
 * on a channel of its own, so a notification there wakes that client and no other; a listener on the channels of all sees each of them once.
 */
final class CrowdStudy implements Study {
    private static final int SHARED = 0;

    private Eavesdropper eavesdropper;
    private ConnectionCount connections;

    @Override
    public void ready(Stage stage) {
        try {
            eavesdropper = Eavesdropper.listen(stage.address(), stage.name() + "-" + SHARED);
            connections = ConnectionCount.of(stage.address());
        } catch (SQLException failed) {
            throw new IllegalStateException("Cannot watch the crowd", failed);
        }
    }

    @Override
    public void begin() {
        connections.look();
    }

    @Override
    public void halfway() {
        connections.look();
    }

    @Override
    public void end() {
        connections.look();
    }

    @Override
    public Map<Figure, Double> conclude(List<Acquire> acquires) {
        var shared = acquires.stream().filter(it -> it.worker() == SHARED).toList();
        var grants = ForeignGrants.tokens(shared);
        return Map.of(
                Figure.CONNECTIONS, (double) connections.most(),
                Figure.CONNECTIONS_ALLOWED, (double) ConnectionCount.allowed(Works.PROCESSES),
                Figure.GRANTS_FROM_OTHERS, (double) grants.size(),
                Figure.WAKE_UPS_PER_GRANT, (double) eavesdropper.heardOf(grants) / Math.max(1, grants.size()));
    }

    @Override
    public void close() {
        if (eavesdropper != null) {
            eavesdropper.close();
        }
        if (connections != null) {
            connections.close();
        }
    }
}
