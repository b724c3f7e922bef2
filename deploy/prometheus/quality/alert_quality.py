#!/usr/bin/env python3
"""How good the spike alerts are: the shipped rules over simulated spikes, in a real Prometheus.

Tenants of the model (traffic.py) come in pairs of the same traffic, one with a spike on the last
day and one without. Their counters become blocks of one Prometheus on loopback; the recording
rules are filled in by promtool, level by level; the alert's own expression is asked for over the
last day, and its `for` is applied. Thresholds are compared on one set of
seeds, and the shipped ones are reported on another. Each alert has traffic and a Prometheus of its own.

Needs prometheus and promtool. Writes the tables to standard output.
"""
import argparse
import concurrent.futures
import itertools
import json
import math
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import traffic

RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
# Thresholds that are compared: factors, chances, and excesses in ten minutes and in an hour.
FINE = ((2, 2.5, 3), (0, 2, 3), ((8, 12), (12, 15), (15, 30)))
COARSE = ((2.5, 3, 4), (2,), ((12, 15), (15, 30), (20, 40)))
GRIDS = dict.fromkeys(traffic.KINDS, COARSE) | {"SigninBlockSpikeInteractive": FINE}
FACTORS = (3, 5, 10, 20)
# A Monday; far enough back that no block is younger than what Prometheus still holds in memory.
EPOCH = 1_767_571_200
BLOCK = 2 * 3600
STEP = 60
# An alert that begins so long after the end of a spike is none of it.
GRACE_MINUTES = 15


def log(text):
    print(f"{time.monotonic() - STARTED:5.0f} s  {text}", file=sys.stderr, flush=True)


class Prometheus:
    """A Prometheus over a folder of blocks."""

    def __init__(self, folder, rule_files=()):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = f"http://{address}"
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as file:
            json.dump({"rule_files": list(rule_files)}, file)
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={address}", "--storage.tsdb.retention.time=50y",
             "--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h",
             "--query.max-samples=400000000", "--query.timeout=10m", "--log.level=error"])

    def __enter__(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=5).close()
                return self
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("Prometheus does not start") from error
                time.sleep(0.1)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def get(self, path, **arguments):
        query = urllib.parse.urlencode(arguments)
        with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=600) as answer:
            return json.load(answer)["data"]

    def over_last_day(self, expression):
        """job -> {minute of the day: value}"""
        start = EPOCH + traffic.LAST_DAY * 86400
        data = self.get("/api/v1/query_range", query=expression, start=start, step=STEP,
                        end=start + 86400 - STEP)
        return {series["metric"]["job"]:
                {(int(at) - start) // 60: float(value) for at, value in series["values"]}
                for series in data["result"]}


def tool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"promtool {' '.join(arguments[:3])}: {done.stderr}{done.stdout}")


def simulate(job, seed, factor, kind):
    """The samples of a job, by block, as lines of each family."""
    tenant = traffic.Tenant(seed, factor, kind)
    labels = f'job="{job}",instance="a",category="{kind.category}"'
    names = {
        "signin_diagnoses": f'{{{labels},scenario="successful_sign_in",outcome="succeeded"}} ',
        "signin_blocks_first": f'{{{labels},scenario="blocked_by_conditional_access"}} ',
        kind.family: f'{{{labels},scenario="blocked_by_conditional_access"}} '
                     if kind.family == "signin_blocks_first" else f'{{{labels}}} ',
    }
    names = {family: f"{family}_total{series}" for family, series in names.items()}
    blocks = {}
    for minute, succeeded, counted in traffic.counters(tenant):
        at = EPOCH + minute * 60
        # Where something else is counted, nobody is blocked.
        values = {"signin_diagnoses": succeeded, "signin_blocks_first": 0, kind.family: counted}
        for family, value in values.items():
            blocks.setdefault((at // BLOCK, family), []).append(f"{value} {at}\n")
    texts = {key: names[key[1]] + names[key[1]].join(lines) for key, lines in blocks.items()}
    about = {"start": tenant.spike_start, "end": tenant.spike_end, "factor": factor,
             "peak": tenant.peak_an_hour, "added": tenant.added_blocks()}
    return job, about, texts


def write_blocks(folder, jobs):
    """Creates the blocks of all jobs; gives what is known of each job."""
    known, files = {}, {}
    families = sorted({"signin_diagnoses", "signin_blocks_first", jobs[0][3].family})
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for job, about, texts in pool.map(simulate, *zip(*jobs), chunksize=4):
            known[job] = about
            for (block, family), text in texts.items():
                path = os.path.join(folder, f"{block}.{family}")
                with open(path, "a", encoding="utf-8") as file:
                    file.write(text)
                files.setdefault(block, []).append(path)
    log(f"{len(known)} tenants simulated")

    def create(block):
        path = os.path.join(folder, f"{block}.txt")
        with open(path, "w", encoding="utf-8") as whole:
            for family in families:
                whole.write(f"# TYPE {family} counter\n")
                with open(os.path.join(folder, f"{block}.{family}"), encoding="utf-8") as part:
                    shutil.copyfileobj(part, whole)
            whole.write("# EOF\n")
        tool("tsdb", "create-blocks-from", "openmetrics", path, f"{folder}/data")
        for suffix in ("txt", *families):
            os.remove(os.path.join(folder, f"{block}.{suffix}"))

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(create, files))
    log(f"{len(files)} blocks created")
    return known


def shipped_rules(folder):
    """The rules as Prometheus itself reads them from the shipped files."""
    paths = [os.path.abspath(os.path.join(RULES, name))
             for name in ("parameters.yml", "recording.yml", "alerts.yml")]
    with Prometheus(folder, paths) as prometheus:
        groups = prometheus.get("/api/v1/rules")["groups"]
    by_file = {}
    for rule_group in groups:
        for rule in rule_group["rules"]:
            rule.setdefault("labels", {})
            by_file.setdefault(os.path.basename(rule_group["file"]), []).append(rule)
    return by_file


def levels(rules, alert):
    """The recording rules that the alert rests on, those first that need no other."""
    signal = re.search(r'signal="(\w+)"', alert["query"]).group(1)
    rules = [rule for rule in rules if rule["labels"].get("signal", signal) == signal]
    queries, found = alert["query"], []
    for rule in reversed(rules):
        if rule["name"] in queries and rule["labels"].get("name", "") in queries:
            found.insert(0, rule)
            queries += rule["query"]
    level_of = []
    for index, rule in enumerate(found):
        needs = set(re.findall(r"signin:[\w:]+", rule["query"]))
        below = [level for earlier, level in zip(found[:index], level_of) if earlier["name"] in needs]
        level_of.append(max(below, default=-1) + 1)
    return [[rule for rule, at in zip(found, level_of) if at == level]
            for level in range(max(level_of) + 1)]


def read_with_offset(steps):
    """The names of the recording rules that later rules look back to, and of those below them."""
    names = ""
    for rule in reversed([rule for step in steps for rule in step]):
        if " offset " in rule["query"] or rule["name"] in names:
            names += rule["query"]
    return names


def fill_in(folder, prometheus, rules, name, days):
    """Evaluates recording rules over the days."""
    path = os.path.join(folder, f"{name}.json")
    with open(path, "w", encoding="utf-8") as file:
        rules = [{"record": rule["name"], "expr": rule["query"], "labels": rule["labels"]}
                 for rule in rules]
        json.dump({"groups": [{"name": name, "rules": rules}]}, file)
    # An earlier week serves only as history, for which five minutes are fine enough.
    for day in days:
        begin, end, interval = EPOCH + day * 86400, EPOCH + (day + 1) * 86400 - STEP, STEP
        if day != traffic.LAST_DAY:
            begin, interval = begin - 3600, 300
        if day < traffic.LAST_DAY - 1:
            end += 3600
        tool("tsdb", "create-blocks-from", "rules", f"--url={prometheus.url}", f"--start={begin}",
             f"--end={end}", f"--eval-interval={interval}s", f"--output-dir={folder}/data", path)


def firing(true_minutes, alert):
    """[(begin, end)] of an alert, from the minutes in which its expression holds."""
    pending = math.ceil(alert["duration"] / STEP)
    episodes, since, last = [], None, None
    for minute in sorted(true_minutes):
        if minute - 1 != last:
            since = minute
        last = minute
        if minute - since == pending:
            episodes.append([minute, minute])
        elif minute - since > pending:
            episodes[-1][1] = minute
    return episodes


def judge(known, true_minutes, alert):
    """For each spike the minutes until it was told, or None; and the false alarms."""
    told, false_alarms = {}, []
    for job, about in known.items():
        episodes = firing(true_minutes.get(job, ()), alert)
        if about["factor"] is None:
            false_alarms += [job] * len(episodes)
            continue
        of_spike = [e for e in episodes
                    if e[1] >= about["start"] and e[0] <= about["end"] + GRACE_MINUTES]
        before = [e for e in of_spike if e[0] < about["start"]]
        told[job] = max(0, of_spike[0][0] - about["start"]) if of_spike else None
        false_alarms += [job] * (len(episodes) - len(of_spike) + len(before))
    return told, false_alarms


def compare_thresholds(prometheus, known, alert, grid):
    """Precision and recall on the tuning seeds for other thresholds than the shipped ones."""
    windows = [[prometheus.over_last_day(f'signin:signal:{what}{{job=~"tune.*",window="{window}"}}')
                for what in ("factor", "usual")] for window in ("10m", "1h")]
    print("| factor | chance | excess in 10 min, in 1 h | false alarms a tenant and 30 days "
          "| precision | recall | of ×5 and more | median minutes |")
    print("|---|---|---|---|---|---|---|---|")
    for thresholds in itertools.product(*grid):
        least_factor, chance, least_excess = thresholds
        true_minutes = {
            job: {minute for (factor, usual), least in zip(windows, least_excess)
                  for minute, value in factor.get(job, {}).items()
                  if value > least_factor and is_excess(value, usual.get(job, {}).get(minute, 0), chance, least)}
            for job in known}
        told, false_alarms = judge(known, true_minutes, alert)
        hits = [minutes for minutes in told.values() if minutes is not None]
        large = [minutes for job, minutes in told.items() if known[job]["factor"] >= 5]
        print(f"| {least_factor} | {chance} | {least_excess[0]}, {least_excess[1]} "
              f"| {30 * len(false_alarms) / len(known):.2f} "
              f"| {share(len(hits), len(hits) + len(false_alarms))} | {share(len(hits), len(told))} "
              f"| {share(len(large) - large.count(None), len(large))} "
              f"| {statistics.median(hits or [0]):.0f} |")


def is_excess(factor, usual, chance, least):
    """Whether blocks of so many times the usual number are more than chance and the least excess."""
    return factor * usual - usual - chance * math.sqrt(usual) > least


def share(part, whole):
    return f"{100 * part / whole:.0f} %" if whole else "–"


def row(name, known, told, false_alarms, is_in):
    """Of the spikes that are in, and of the days without a spike of the same tenants."""
    minutes = [found for job, found in told.items() if is_in(known[job])]
    hits = sorted(found for found in minutes if found is not None)
    false = sum(is_in(known[spike_of(job)]) for job in false_alarms)
    soon = sum(found <= 10 for found in hits)
    middle = f"{statistics.median(hits):.0f}" if hits else "–"
    ninth = f"{hits[math.ceil(0.9 * len(hits)) - 1]}" if hits else "–"
    a_month = f"{30 * false / (2 * len(minutes)):.2f}" if minutes else "–"
    print(f"| {name} | {len(minutes)} | {share(len(hits), len(minutes))} "
          f"| {share(len(hits), len(hits) + false)} | {a_month} "
          f"| {share(soon, len(minutes))} | {middle} | {ninth} |")


def spike_of(job):
    """The job of the same traffic that has a spike."""
    return job.removesuffix("-quiet").removesuffix("-spike") + "-spike"


def report(prometheus, known, alert):
    true_minutes = prometheus.over_last_day(f"({alert['query']}) and on (job) "
                                            'signin:decided:increase10m{job=~"report.*"}')
    told, false_alarms = judge(known, true_minutes, alert)
    print("| spikes | number | told | precision | false alarms a tenant and 30 days | within 10 min "
          "| median minutes | 90 % within |")
    print("|---|---|---|---|---|---|---|---|")

    def print_row(name, is_in):
        row(name, known, told, false_alarms, is_in)

    for factor in FACTORS:
        print_row(f"×{factor}", lambda about: about["factor"] == factor)
    for name, least, most in (("under 500", 0, 500), ("500 to 5,000", 500, 5000),
                              ("over 5,000", 5000, math.inf)):
        print_row(f"{name} sign-ins an hour at peak", lambda about: least <= about["peak"] < most)
    for name, least, most in (("fewer than 10", 0, 10), ("10 to 30", 10, 30), ("30 to 100", 30, 100),
                              ("over 100", 100, math.inf)):
        print_row(f"{name} added in its first hour", lambda about: least <= about["added"] < most)
    print_row("×5 and more, 30 or more added",
              lambda about: about["factor"] >= 5 and about["added"] >= 30)
    print_row("all", lambda about: True)
    without = sum(about["factor"] is None for about in known.values())
    quiet = sum(known[job]["factor"] is None for job in set(false_alarms))
    print(f"\n{len(false_alarms)} false alarms in {len(known)} tenant days; {quiet} of the {without} "
          "days without a spike have one.")


def simulate_alert(name, pairs, tune):
    """Prints the tables of one alert."""
    kind = traffic.KINDS[name]
    jobs = []
    for group, count in (("tune", tune), ("report", pairs)):
        for number in range(count):
            seed = f"{group}-{number}"
            jobs.append((f"{seed}-spike", seed, FACTORS[number % len(FACTORS)], kind))
            jobs.append((f"{seed}-quiet", seed, None, kind))
    with tempfile.TemporaryDirectory(prefix="alert-quality-") as folder:
        rules = shipped_rules(folder)
        shutil.rmtree(os.path.join(folder, "data"))
        alert = next(rule for rule in rules["alerts.yml"] if rule["name"] == name)
        known = write_blocks(folder, jobs)
        steps = levels(rules["parameters.yml"] + rules["recording.yml"], alert)
        history = read_with_offset(steps)
        for level, step in enumerate(steps):
            with Prometheus(folder) as prometheus:
                for is_history, days in ((True, traffic.STORED_DAYS), (False, [traffic.LAST_DAY])):
                    chosen = [rule for rule in step if (rule["name"] in history) is is_history]
                    if chosen:
                        fill_in(folder, prometheus, chosen, f"level{level}", days)
            log(f"{name}: {level + 1} of {len(steps)} levels of rules evaluated")
        with Prometheus(folder) as prometheus:
            groups = {group: {job: about for job, about in known.items() if job.startswith(group)}
                      for group in ("tune", "report")}
            if groups["tune"]:
                print(f"## {name}: thresholds, on the tuning seeds\n")
                compare_thresholds(prometheus, groups["tune"], alert, GRIDS[name])
                print()
            if groups["report"]:
                print(f"## {name}, as shipped, on the other seeds\n")
                report(prometheus, groups["report"], alert)
            print(flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--pairs", type=int, default=200, help="spikes to report on")
    arguments.add_argument("--tune", type=int, default=120, help="spikes to compare thresholds on")
    arguments.add_argument("--alert", choices=traffic.KINDS, help="only this one")
    options = arguments.parse_args()
    for name in [options.alert] if options.alert else traffic.KINDS:
        simulate_alert(name, options.pairs, options.tune)
    log("done")


STARTED = time.monotonic()
if __name__ == "__main__":
    main()
