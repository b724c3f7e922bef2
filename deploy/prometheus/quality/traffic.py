"""A seeded model of a tenant's sign-ins, as counters that a Prometheus would have scraped.

A tenant has a size, a working week, a usual share of Conditional Access blocks with noise of its
own, and the events that must not raise an alarm: surges, restarts, a backlog, small clusters of
blocks. A spike is a factor on the usual share for a while. Azure Monitor's batches of five
minutes are part of it: what happens reaches the counters up to five minutes later.
"""
import dataclasses
import math
import random

DAY = 1440
BATCH = 5
# Days that the rules look back to from the last one: the earlier weeks, and the day before.
DAYS = 22
LAST_DAY = DAYS - 1
STORED_DAYS = sorted({LAST_DAY - 21, LAST_DAY - 14, LAST_DAY - 7, LAST_DAY - 1, LAST_DAY})
# The windows of the rules reach beyond the day.
MARGIN = 120


@dataclasses.dataclass(frozen=True)
class Kind:
    """What differs between the traffic of the alerts."""
    category: str
    # The counter of what the alert counts.
    family: str
    # The usual share: its median, its least and its largest.
    share: tuple = (0.02, 0.003, 0.12)
    # Of the sign-ins of people.
    volume: float = 1
    # Parts of the volume of working hours.
    night: tuple = (0.03, 0.15)
    weekend: tuple = (0.1, 0.4)


KINDS = {
    "SigninBlockSpikeInteractive": Kind("SignInLogs", "signin_blocks_first"),
    # Clients renew their tokens by day and night; few of those that are let in are blocked later.
    "SigninBlockSpikeNonInteractive": Kind(
        "NonInteractiveUserSignInLogs", "signin_blocks_first", share=(0.008, 0.001, 0.08),
        volume=5, night=(0.2, 0.6), weekend=(0.2, 0.6)),
    "SigninFailedConditionalAccessSpike": Kind(
        "SignInLogs", "signin_failures_first", share=(0.015, 0.002, 0.1)),
    "SigninMfaProofUpSpike": Kind(
        "SignInLogs", "signin_proof_ups_first", share=(0.004, 0.0005, 0.03)),
}


def poisson(rng, mean):
    if mean <= 0:
        return 0
    if mean > 30:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


class Tenant:
    """What stays the same over the weeks. `spike_factor` None: a tenant without a spike."""

    def __init__(self, seed, spike_factor, kind):
        rng = self.rng = random.Random(seed)
        self.peak_an_hour = kind.volume * 10 ** rng.uniform(2, 4.3)
        median, least, most = kind.share
        self.share = min(most, max(least, rng.lognormvariate(math.log(median), 0.7)))
        self.night_share = rng.uniform(0.6, 1.8)
        self.monday_share = rng.uniform(1.0, 1.8)
        self.night_volume = rng.uniform(*kind.night)
        self.weekend_volume = rng.uniform(*kind.weekend)
        # The last day is any day of the week.
        self.weekday_of_first = rng.randrange(7)
        self.streams = [rng.randrange(BATCH) for _ in range(1 + int(math.log10(self.peak_an_hour)))]
        in_hours = rng.random() < 0.75
        hour = rng.uniform(8, 17) if in_hours else rng.uniform(0, 22)
        self.spike_start = int(hour * 60)
        self.spike_end = min(DAY - 20, self.spike_start + rng.randrange(40, 150))
        self.spike_factor = spike_factor
        self.backlog = None
        if rng.random() < 0.25:
            start = rng.randrange(0, DAY - 300)
            self.backlog = (start, start + rng.randrange(60, 120))

    def volume(self, day, minute):
        weekday = (self.weekday_of_first + day) % 7
        hour = minute / 60
        working = 1 / (1 + math.exp(-(hour - 7.5) * 2)) / (1 + math.exp((hour - 17.5) * 1.5))
        scale = self.weekend_volume if weekday >= 5 else 1.0
        return self.peak_an_hour / 60 * max(self.night_volume, working * scale)

    def usual_share(self, day, minute):
        weekday = (self.weekday_of_first + day) % 7
        hour = minute / 60
        share = self.share
        if hour < 6 or hour > 20:
            share *= self.night_share
        if weekday == 0 and 6 <= hour < 10:
            share *= self.monday_share
        return share

    def spike_extra(self, day, minute, usual):
        """The share that a spike adds: most users meet the block soon, and those who keep trying
        count again once an hour, each at a time of its own."""
        is_on = day == LAST_DAY and self.spike_start <= minute < self.spike_end
        if self.spike_factor is None or not is_on:
            return 0.0
        full = min(0.9, usual * self.spike_factor) - usual
        since = minute - self.spike_start
        return full * (0.4 + 0.6 * math.exp(-since / 25))

    def added_blocks(self):
        """How many blocks the spike is expected to add in its first hour."""
        end = min(self.spike_start + 60, self.spike_end)
        return sum(self.volume(LAST_DAY, minute)
                   * self.spike_extra(LAST_DAY, minute, self.usual_share(LAST_DAY, minute))
                   for minute in range(self.spike_start, end))

    def minutes(self, day):
        """(decided, blocked) that arrive in each minute of a day, and the minutes of restarts."""
        # Days are independent of each other, so that a spike leaves the rest as it is.
        rng = random.Random(self.rng.random())
        size = rng.lognormvariate(0, 0.15)
        surge_at = rng.randrange(DAY) if rng.random() < 0.33 else None
        surge = rng.uniform(2, 4)
        restart = rng.randrange(DAY)
        cluster_at = rng.randrange(DAY) if rng.random() < 0.5 else None
        cluster = poisson(rng, 5 + self.peak_an_hour * 0.002)
        noise, log_noise = [], rng.gauss(0, 0.2)
        for _ in range(DAY // 10):
            log_noise = 0.9 * log_noise + rng.gauss(0, 0.2 * math.sqrt(1 - 0.81))
            noise.append(math.exp(log_noise))
        # The spike draws from its own numbers, so that with and without it are the same day.
        spike_rng = random.Random(rng.random())
        waiting = [[0, 0] for _ in self.streams]
        arrived = []
        for minute in range(DAY):
            volume = self.volume(day, minute) * size
            if surge_at is not None and surge_at <= minute < surge_at + 60:
                volume *= surge
            usual = self.usual_share(day, minute)
            in_backlog = day == LAST_DAY and self.backlog and self.backlog[0] <= minute < self.backlog[1]
            decided_now = blocked_now = 0
            for stream, phase in enumerate(self.streams):
                pending = waiting[stream]
                if (minute - phase) % BATCH:
                    continue
                mean = volume * BATCH / len(self.streams)
                share = min(0.9, usual * noise[minute // 10])
                decided = poisson(rng, mean * (1 - share))
                blocked = poisson(rng, mean * share)
                extra = self.spike_extra(day, minute, usual)
                if extra:
                    newly = poisson(spike_rng, mean * extra)
                    blocked += newly
                    decided = max(0, decided - newly)
                pending[0] += decided
                pending[1] += blocked
                if not in_backlog:
                    decided_now += pending[0]
                    blocked_now += pending[1]
                    pending[:] = [0, 0]
            if cluster_at is not None and cluster_at <= minute < cluster_at + 30:
                blocked_now += poisson(rng, cluster / 30)
            # A restart forgets who was blocked within the hour: a part is counted again.
            if restart <= minute < restart + 60:
                blocked_now += poisson(rng, volume * usual * 0.15)
            arrived.append((decided_now, blocked_now))
        return arrived, restart


def counters(tenant):
    """For each stored day its samples: (minute since the first day, succeeded, blocked)."""
    succeeded = blocked = 0
    for day in range(DAYS):
        near = day in STORED_DAYS or day + 1 in STORED_DAYS or day - 1 in STORED_DAYS
        if not near:
            tenant.rng.random()
            continue
        arrived, restart = tenant.minutes(day)
        for minute, (decided_now, blocked_now) in enumerate(arrived):
            if minute == restart:
                succeeded = blocked = 0
            succeeded += decided_now
            blocked += blocked_now
            at = day * DAY + minute
            if any(-MARGIN <= at - stored * DAY < DAY + MARGIN for stored in STORED_DAYS):
                yield at, succeeded, blocked
