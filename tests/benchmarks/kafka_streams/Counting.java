import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Kafka Streams on the trivial task: parse each event, count each lead's, send the score. */
public final class Counting {
    @JsonIgnoreProperties(ignoreUnknown = true)
    public static final class Visit {
        public String lead_id;
        public String type;
        public String time;
    }

    private static final ObjectReader VISITS = new ObjectMapper().readerFor(Visit.class);

    public static void main(String[] arguments) throws Exception {
        String kafka = arguments[0];
        String group = arguments[1];
        List<String> log = List.of(arguments[2].split(","));
        String scores = arguments[3];
        long count = Long.parseLong(arguments[4]);
        String folder = arguments[5];
        boolean inMemory = arguments[6].equals("memory");

        AtomicLong seen = new AtomicLong();
        CountDownLatch done = new CountDownLatch(1);
        StreamsBuilder builder = new StreamsBuilder();
        Materialized<String, Long, KeyValueStore<Bytes, byte[]>> store = inMemory
            ? Materialized.as(Stores.inMemoryKeyValueStore("leads"))
            : Materialized.as("leads");
        builder.stream(log, Consumed.with(Serdes.String(), Serdes.ByteArray()))
            .mapValues(Counting::parse)
            .groupByKey(Grouped.with(Serdes.String(), null))
            .aggregate(() -> 0L, (key, visit, total) -> {
                long number = seen.incrementAndGet();
                if (number == 1) {
                    mark(0);
                }
                if (number == count) {
                    done.countDown();
                }
                return visit.lead_id == null ? total : total + 1;
            }, store.withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
            .toStream()
            .mapValues((key, total) -> "{\"lead_id\":\"" + key + "\",\"score\":" + total + "}")
            .to(scores, Produced.with(Serdes.String(), Serdes.String()));

        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, kafka);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, group);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, folder);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        try (KafkaStreams streams = new KafkaStreams(builder.build(), settings)) {
            streams.start();
            done.await();
        } // which commits: caches flushed, all sent and acknowledged
        mark(seen.get());
    }

    private static Visit parse(byte[] value) {
        try {
            return VISITS.readValue(value);
        } catch (IOException error) {
            throw new IllegalArgumentException(error);
        }
    }

    /** As tests/benchmarks/job.py tells: the whole JVM's CPU, with its compiler and collector. */
    private static void mark(long events) {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        System.out.printf(
            java.util.Locale.ROOT,
            "{\"events\":%d,\"at_s\":%.6f,\"cpu_s\":%.6f,\"peak_mb\":%.1f}%n",
            events, System.nanoTime() / 1e9, system.getProcessCpuTime() / 1e9, peakMb());
    }

    private static double peakMb() {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmHWM"))
                .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")) / 1024)
                .findFirst().orElse(0);
        } catch (IOException error) {
            return 0; // not told on this system
        }
    }
}
