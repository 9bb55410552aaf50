"""Divides the ratings of each user of MovieLens into ten parts by time: part 10 is what the study holds out.

    python3 collisions-movielens.py ../data/ml-latest-small.zip > ../data/ratings-in-tenths.csv
"""
import csv, io, sys, zipfile
from collections import defaultdict

with zipfile.ZipFile(sys.argv[1]) as files:
    name = next(name for name in files.namelist() if name.endswith("ratings.csv"))
    ratings = list(csv.DictReader(io.TextIOWrapper(files.open(name), "utf-8")))
users = defaultdict(list)
for rating in sorted(ratings, key=lambda rating: int(rating["timestamp"])):
    users[rating["userId"]].append(rating)
out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow(["user", "item", "rating", "part"])
for own in users.values():
    for at, rating in enumerate(own):
        out.writerow([rating["userId"], rating["movieId"], rating["rating"], 1 + 10 * at // len(own)])
