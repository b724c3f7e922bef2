//! What a record costs as workers, partitions, envelopes, sizes, instances, backlog and buffers
//! change: one line a case, medians of its rounds, the floor in turn with the service where it
//! tells something.
use clap::ValueEnum;
use signin_diagnostics::cli::demo::generator::Detail;

use crate::corpus::{Corpus, Shape};
use crate::subject::{Round, Subject};
use crate::table::Spread;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    Workers,
    Partitions,
    Envelopes,
    Sizes,
    Instances,
    Backlog,
    Buffers,
}

/// The producer waits so long that its queue is full all the time: the most memory that the
/// settings allow.
const HELD_BACK: [&str; 2] = [
    "kafka.properties.\"linger.ms\"=500",
    "kafka.properties.\"batch.size\"=1000000000",
];

struct Case {
    name: String,
    shape: Shape,
    /// Times the records that were asked for.
    backlog: u64,
    settings: Vec<String>,
    instances: usize,
    has_floor: bool,
}

impl Case {
    fn new(name: String, shape: Shape) -> Case {
        Case {
            name,
            shape,
            backlog: 1,
            settings: Vec::new(),
            instances: 1,
            has_floor: true,
        }
    }
}

fn cases(by: By) -> Vec<Case> {
    match by {
        By::Workers => [1, 2, 4]
            .map(|workers| Case {
                settings: vec![format!("workers={workers}")],
                ..Case::new(format!("{workers} workers"), Shape::typical())
            })
            .into(),
        By::Partitions => [1, 4, 16, 64]
            .map(|n| Case::new(format!("{n} partitions"), Shape::typical().partitions(n)))
            .into(),
        // 200 records of the typical size are more than a message may have.
        By::Envelopes => [1, 40, 200]
            .map(|n| {
                Case::new(
                    format!("envelopes of {n}"),
                    Shape::listing(6..=6).envelopes(n),
                )
            })
            .into(),
        By::Sizes => {
            let (mut least, mut most) = (Shape::listing(0..=0), Shape::listing(55..=55));
            least.profile.detail = Detail::Minimal;
            most.least_bytes = 12_000;
            vec![
                Case::new("only what names a sign-in".to_owned(), least),
                Case::new("no policies".to_owned(), Shape::listing(0..=0)),
                Case::new("18 to 26 policies".to_owned(), Shape::typical()),
                Case::new("users', of 55 policies".to_owned(), most),
            ]
        }
        // As many partitions for each.
        By::Instances => [1, 2, 3]
            .map(|instances| Case {
                settings: vec!["workers=1".to_owned()],
                instances,
                has_floor: false,
                ..Case::new(
                    format!("{instances} instances of 1 worker"),
                    Shape::typical().partitions(12),
                )
            })
            .into(),
        By::Backlog => [1, 10]
            .map(|backlog| Case {
                backlog,
                ..Case::new(format!("{backlog} times the backlog"), Shape::typical())
            })
            .into(),
        By::Buffers => [
            "input.prefetch_bytes=\"2MiB\"",
            "input.prefetch_bytes=\"1MiB\"",
            "input.prefetch_bytes=\"8MiB\"",
            "input.prefetch_bytes=\"16MiB\"",
            "output.queue_bytes=\"4MiB\"",
            "output.queue_bytes=\"32MiB\"",
            "workers=1",
            "workers=4",
            "delivery.remembered_sign_ins=1",
            "delivery.remembered_sign_ins=50000",
        ]
        .map(|setting| Case {
            settings: [&[setting], &HELD_BACK[..]]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            has_floor: false,
            ..Case::new(setting.to_owned(), Shape::typical())
        })
        .into(),
    }
}

/// The service has `set` in every case.
pub fn run(by: &[By], records: u64, rounds: usize, set: &[String]) {
    println!("{records} records; medians of {rounds} (least to most)");
    println!(
        "{:<36} {:>5} {:>22} {:>6} {:>6} {:>10} {:>10} {:>20}",
        "", "KB", "CPU s/100k", "floor", "ratio", "records/s", "floor", "peak MB"
    );
    let by = if by.is_empty() {
        By::value_variants()
    } else {
        by
    };
    for case in by.iter().copied().flat_map(cases) {
        measure(&case, records * case.backlog, rounds, set);
    }
}

fn measure(case: &Case, records: u64, rounds: usize, set: &[String]) {
    let corpus = Corpus::load(&case.shape, records);
    let records = corpus.records as f64;
    let settings = [&case.settings[..], set].concat();
    let service = Subject::service(&case.name, &settings).instances(case.instances);
    let floor = case.has_floor.then(|| Subject::floor(&case.settings));
    let (mut floors, mut services) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let run = |subject: &Subject, name| subject.run(&corpus, &format!("{round}-{name}"));
        floors.extend(floor.as_ref().map(|floor| run(floor, "floor")));
        services.push(run(&service, "service"));
    }
    let cpu = |rounds: &[Round]| {
        Spread::of(
            rounds
                .iter()
                .map(|round| round.usage.cpu_seconds() / records * 1e5),
        )
    };
    let rate =
        |rounds: &[Round]| Spread::of(rounds.iter().map(|round| records / round.seconds)).median;
    let peak = Spread::of(services.iter().map(|round| round.usage.peak_megabytes));
    let (floor_cpu, ratio, floor_rate) = if floors.is_empty() {
        Default::default()
    } else {
        let floor = cpu(&floors).median;
        let ratio = cpu(&services).median / floor;
        let rate = rate(&floors);
        (
            format!("{floor:.2}"),
            format!("{ratio:.1}"),
            format!("{rate:.0}"),
        )
    };
    println!(
        "{:<36} {:>5.1} {:>22} {floor_cpu:>6} {ratio:>6} {:>10.0} {floor_rate:>10} {:>20}",
        case.name,
        corpus.mean_kilobytes(),
        format!("{:.2}", cpu(&services)),
        rate(&services),
        format!("{peak:.0}"),
    );
    corpus.delete();
}
