"""`make bench`: events a second, then milliseconds from event to score."""

from tests.benchmarks import bench_latency, bench_stream

if __name__ == "__main__":
    bench_stream.main()
    bench_latency.main()
