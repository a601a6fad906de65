"""The questions of a run on the workers of a Dask cluster, at one rate for all of them.

``desk`` divides the rate, ``rate_desk`` does so on the scheduler; ``leased`` keeps it, on a worker; ``worker`` asks;
``storage`` is where answers wait; ``cluster`` hands out the questions and takes in what is answered; ``observers`` has
the clients of workers; ``local`` starts workers here.
"""
