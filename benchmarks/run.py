"""Every benchmark, one after the other: ``make bench``."""

from benchmarks import import_time, status_cpu

if __name__ == "__main__":
    import_time.main()
    print()
    status_cpu.main()
