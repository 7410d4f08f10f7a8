package io.numpool.notify;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.testng.ITestNGListener;
import org.testng.ITestResult;
import org.testng.TestListenerAdapter;
import org.testng.TestNG;

class EventsTckTest {
    /** All that this version of the TCK has for a publisher. */
    private static final int REQUIRED = 22;

    @Test
    @DisplayName("the publisher of events passes the TCK of Reactive Streams")
    void publisher() {
        var listener = new TestListenerAdapter();
        var suite = new TestNG(false);
        suite.setVerbose(0);
        suite.addListener((ITestNGListener) listener);
        suite.setTestClasses(new Class<?>[] {EventsVerification.class});
        suite.run();
        assertEquals("", described(listener.getFailedTests()) + described(listener.getConfigurationFailures()));
        var required = listener.getPassedTests().stream()
                .filter(it -> it.getName().startsWith("required_"))
                .count();
        assertEquals(REQUIRED, required);
        var skipped = listener.getSkippedTests().stream()
                .filter(it -> !it.getName().startsWith("untested_"))
                .toList();
        assertEquals("", described(skipped));
    }

    private static String described(List<ITestResult> results) {
        return results.stream()
                .map(it -> it.getName() + ": " + it.getThrowable())
                .collect(Collectors.joining("\n"));
    }
}
