"""Every benchmark, one after the other: ``make bench``."""

from benchmarks import import_time, journal_cost, status_cpu

if __name__ == "__main__":
    for number, benchmark in enumerate((import_time, status_cpu, journal_cost)):
        if number:
            print()
        benchmark.main()
