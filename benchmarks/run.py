"""Every benchmark, one after the other: ``make bench``. Larger reconciliations take longer, and are asked for apart."""

from benchmarks import (
    import_time,
    journal_cost,
    reconcile_kept,
    reconcile_memory,
    reconcile_rate,
    reconcile_resume,
    status_cpu,
)

if __name__ == "__main__":
    for benchmark in (import_time, status_cpu, journal_cost):
        benchmark.main()
        print()
    reconcile_rate.main([])
    print()
    reconcile_kept.main([])
    print()
    reconcile_memory.main(["--rows", "1e5"])
    print()
    reconcile_resume.main([])
