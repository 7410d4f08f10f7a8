package io.numpool.bench.report;

import io.numpool.bench.MissingException;
import io.numpool.bench.contender.Contender;
import io.numpool.bench.work.Works;
import java.awt.Color;
import java.awt.Font;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** A report in pictures, drawn without a screen. */
public final class Plots {
    private static final int WIDTH = 1200;
    private static final int HEIGHT = 600;
    private static final double MICROS_PER_MILLI = 1e3;
    private static final float BOLD = 4;
    private static final float THIN = 2;

    private Plots() {}

    /**
     * Fails at once, and not after the measurements, where no text can be drawn.
     *
     * @throws MissingException what to install
     */
    public static void requireFonts() {
        System.setProperty("java.awt.headless", "true");
        try {
            var image = new BufferedImage(10, 10, BufferedImage.TYPE_INT_RGB);
            var graphics = image.createGraphics();
            graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 8));
            graphics.drawString("p99", 0, 8);
            graphics.dispose();
        } catch (RuntimeException | LinkageError | InternalError failed) {
            throw new MissingException("Java cannot draw text here (" + failed
                    + "), and the report has plots: it needs fontconfig and a font; on Debian and"
                    + " Ubuntu apt-get install fontconfig fonts-dejavu-core");
        }
    }

    /**
     * Draws what the report has figures for.
     *
     * @return names of the files
     */
    static List<String> write(Report report, Path folder) throws IOException {
        var files = new ArrayList<String>();
        var works = report.works().stream().filter(Plots::isThroughput).toList();
        if (!works.isEmpty()) {
            files.add("throughput.png");
            BitmapEncoder.saveBitmap(
                    throughput(works), folder.resolve("throughput.png").toString(), BitmapFormat.PNG);
        }
        for (var name : Works.DRAWN) {
            var work = report.work(name);
            if (work.isPresent()) {
                var file = "waits-" + name + ".png";
                files.add(file);
                BitmapEncoder.saveBitmap(waits(work.get()), folder.resolve(file).toString(), BitmapFormat.PNG);
            }
        }
        return files;
    }

    private static boolean isThroughput(WorkReport work) {
        return Character.isDigit(work.name().charAt(0)) && work.name().contains("x");
    }

    private static CategoryChart throughput(List<WorkReport> works) {
        var chart = new CategoryChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title("Pairs of acquire and release per second, by processes x workers - slots")
                .yAxisTitle("pairs/s")
                .build();
        chart.getStyler().setYAxisLogarithmic(true);
        chart.getStyler().setYAxisMin(decadeBelow(works));
        chart.getStyler().setAvailableSpaceFill(0.9);
        chart.getStyler().setPlotContentSize(0.98);
        look(chart.getStyler());
        var names = works.stream().map(WorkReport::name).toList();
        for (var contender : contenders(works)) {
            var pairs = works.stream()
                    .map(work -> work.median(contender, Figure.PAIRS_PER_SECOND))
                    .map(median -> median.isPresent() ? median.getAsDouble() : null) // its place stays empty
                    .toList();
            chart.addSeries(contender.title(), names, pairs).setFillColor(color(contender));
        }
        return chart;
    }

    /** Where the bars begin. */
    private static double decadeBelow(List<WorkReport> works) {
        var least = works.stream()
                .flatMap(work -> work.outcomes().stream())
                .mapToDouble(outcome ->
                        outcome.figures().get(Figure.PAIRS_PER_SECOND).median())
                .min()
                .orElse(1);
        return Math.pow(10, Math.floor(Math.log10(least)));
    }

    private static Set<Contender> contenders(List<WorkReport> works) {
        var all = EnumSet.noneOf(Contender.class);
        works.forEach(work -> work.outcomes().forEach(outcome -> all.add(outcome.contender())));
        return all;
    }

    private static XYChart waits(WorkReport work) {
        var chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title("How long " + work.name() + " waits: percentiles, corrected for stalls")
                .xAxisTitle("percentile")
                .yAxisTitle("ms")
                .build();
        chart.getStyler().setYAxisLogarithmic(true);
        look(chart.getStyler());
        chart.getStyler().setXAxisTickMarkSpacingHint(WIDTH / 8);
        chart.setCustomXAxisTickLabelsFormatter(Plots::percentile);
        for (var outcome : work.outcomes()) {
            var points =
                    outcome.waits().stream().filter(point -> point.micros() > 0).toList();
            var x = points.stream().map(point -> nines(point.percentile())).toList();
            var y = points.stream()
                    .map(point -> point.micros() / MICROS_PER_MILLI)
                    .toList();
            var series = chart.addSeries(outcome.label(), x, y);
            series.setMarker(SeriesMarkers.NONE);
            series.setLineColor(color(outcome.contender()));
            series.setLineWidth(outcome.contender() == Contender.NUMPOOL ? BOLD : THIN);
        }
        return chart;
    }

    /** How many nines a percentile has: 90 % is 1, 99 % is 2. */
    private static double nines(double percentile) {
        return -Math.log10(1 - percentile / 100);
    }

    private static String percentile(double nines) {
        return nines == Math.rint(nines)
                ? Texts.plain(100 - Math.pow(10, 2 - nines)) + " %"
                : " "; // XChart draws no empty text
    }

    private static Color color(Contender contender) {
        return switch (contender) {
            case NUMPOOL, NUMPOOL_CROWD, NUMPOOL_WAITERS -> new Color(0x1F4E9E);
            case REDISSON -> new Color(0xD9480F);
            case REDISSON_ASYNC -> new Color(0xF59F00);
            case REDISSON_FAIR -> new Color(0xA61E4D);
            case CURATOR -> new Color(0x2F9E44);
            case ADVISORY_LOCK -> new Color(0x66A9C9);
            case ROW_LOCK -> new Color(0x9C6ADE);
            case BARE_EXCHANGE, BARE_EXCHANGE_POOLS -> new Color(0x495057);
            case BARE_EXCHANGE_QUEUED, NOTIFY_HOP -> new Color(0xADB5BD);
        };
    }

    private static void look(AxesChartStyler styler) {
        styler.setChartBackgroundColor(Color.WHITE);
        styler.setLegendPosition(LegendPosition.OutsideE);
        styler.setLegendBorderColor(Color.WHITE);
    }
}
