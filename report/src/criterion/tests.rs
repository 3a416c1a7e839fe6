use super::*;
use crate::load::load;

const BENCHMARK: &str = r#"{"group_id":"round-trip/process/same-cpu/block","function_id":"pipe","value_str":"64B",
    "throughput":{"Bytes":64},"full_id":"round-trip/process/same-cpu/block/pipe/64B","directory_name":"x","title":"x"}"#;
const SAMPLE: &str = r#"{"sampling_mode":"Flat","iters":[10.0,10.0,20.0],"times":[30000.0,31000.0,64000.0]}"#;
const ESTIMATES: &str = r#"{"mean":{},"median":{"confidence_interval":{"confidence_level":0.95,"lower_bound":2900.0,
    "upper_bound":3200.0},"point_estimate":3100.0,"standard_error":1.0}}"#;

fn benchmark_in(folder: &Path, run: &str, sample: &str) {
    let folder = folder.join("group/pipe/64B").join(run);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("benchmark.json"), BENCHMARK).unwrap();
    std::fs::write(folder.join("sample.json"), sample).unwrap();
    std::fs::write(folder.join("estimates.json"), ESTIMATES).unwrap();
}

#[test]
fn samples_become_a_cell_with_the_id_of_this_suite_and_one_launch() {
    let cell = from_texts(BENCHMARK, Some(SAMPLE), None).unwrap();
    assert_eq!(cell.id, "round-trip/process/same-cpu/block/pipe/64B");
    assert_eq!((cell.estimate_ns, cell.launches, cell.samples), (Some(3100.0), 1, 3));
    assert_eq!(cell.interval_spans.as_deref(), Some("batches within one launch"));
    assert!(cell.cpu_ns_per_op.is_none() && cell.bytes_per_s.is_some());
}

#[test]
fn without_samples_criterions_own_median_stands() {
    let cell = from_texts(BENCHMARK, None, Some(ESTIMATES)).unwrap();
    assert_eq!((cell.estimate_ns, cell.interval_ns), (Some(3100.0), Some([2900.0, 3200.0])));
    assert!(cell.interval_spans.unwrap().contains("bootstrap"));
}

#[test]
fn what_criterion_would_not_write_is_refused_with_the_file() {
    for (benchmark, sample, said) in [
        ("{", Some(SAMPLE), "benchmark.json: EOF"),
        (BENCHMARK, Some(r#"{"iters":[1.0],"times":[]}"#), "1 iteration counts for 0 times"),
        (BENCHMARK, Some(r#"{"iters":[0.0],"times":[1.0]}"#), "sample 1 has 0e0 iterations; allowed are 1 to 1e17"),
        (
            BENCHMARK,
            Some(r#"{"iters":[1.0,2.0],"times":[1.0,-1.0]}"#),
            "sample 2 took -1e0 ns; allowed are times from 0",
        ),
        (BENCHMARK, Some(r#"{"iters":[1.0],"times":[1e300]}"#), "allowed are times from 0 to 1e15 ns"),
        (BENCHMARK, Some(r#"{"iters":[-2.0],"times":[-10.0]}"#), "sample 1 has -2e0 iterations"),
        (BENCHMARK, Some(r#"{"iters":[1e308,1e308],"times":[1.0,1.0]}"#), "sample 1 has 1e308 iterations"),
        (BENCHMARK, Some(r#"{"iters":[1.0],"times":[1e-308]}"#), "sample 1 took 1e-308 ns"),
        (&BENCHMARK.replace("{\"Bytes\":64}", "{\"Bytes\":1e308}"), Some(SAMPLE), "a throughput of 1e308 bytes"),
        (BENCHMARK, Some(r#"{"iters":[],"times":[]}"#), "holds no sample"),
        (BENCHMARK, None, "neither sample.json nor estimates.json"),
    ] {
        let error = from_texts(benchmark, sample, None).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    for ns in ["-1.0", "1e308", "1e-308"] {
        let estimates = ESTIMATES.replace("2900.0", ns);
        assert!(from_texts(BENCHMARK, None, Some(&estimates)).unwrap_err().contains("allowed are"), "{ns}");
    }
    let long = BENCHMARK.replace("\"full_id\":\"", &format!("\"full_id\":\"{}", "x".repeat(5000)));
    assert!(from_texts(&long, Some(SAMPLE), None).unwrap_err().contains("bytes"));
}

#[test]
fn a_folder_gives_its_latest_run_and_a_name_behind_it_a_saved_one() {
    let folder = tempfile::tempdir().unwrap();
    benchmark_in(folder.path(), "new", SAMPLE);
    benchmark_in(folder.path(), "main", &SAMPLE.replace("30000.0", "40000.0"));
    let saved = PathBuf::from(format!("{}@main", folder.path().display()));
    let loaded = load(&[folder.path().to_owned(), saved, folder.path().join("@none")]);
    assert_eq!(loaded.sources.len(), 2, "{:?}", loaded.problems);
    assert_eq!(loaded.problems.len(), 1, "{:?}", loaded.problems);
    assert!(loaded.sources.iter().all(|source| source.origin == Origin::Criterion));
    assert_ne!(loaded.sources[0].digest, loaded.sources[1].digest);
}

/// A tree as criterion writes it, with a benchmark for each value.
fn tree(folder: &Path, values: &[&str]) {
    for value in values {
        let folder = folder.join("group/pipe").join(value).join("new");
        let benchmark = BENCHMARK
            .replace("64B", value)
            .replace(r#""directory_name":"x""#, &format!(r#""directory_name":"group/pipe/{value}""#));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("benchmark.json"), benchmark).unwrap();
        std::fs::write(folder.join("sample.json"), SAMPLE).unwrap();
    }
}

#[test]
fn trees_of_two_machines_below_one_folder_are_two_sources() {
    let folder = tempfile::tempdir().unwrap();
    tree(&folder.path().join("a/criterion"), &["64B"]);
    tree(&folder.path().join("b/criterion"), &["64B", "128B"]);
    let loaded = load(&[folder.path().to_owned()]);
    let cells: Vec<usize> = loaded.sources.iter().map(|source| source.record.cells.len()).collect();
    assert_eq!((cells, loaded.problems.len()), (vec![1, 2], 0), "{:?}", loaded.problems);
    assert!(loaded.sources[1].path.ends_with("b/criterion"));
}

#[test]
fn an_id_that_is_there_twice_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    benchmark_in(&folder.path().join("a"), "new", SAMPLE);
    benchmark_in(&folder.path().join("b"), "new", SAMPLE);
    let loaded = load(&[folder.path().to_owned()]);
    assert_eq!(loaded.sources.len(), 1);
    assert!(loaded.problems[0].contains("give each machine's tree by itself"), "{:?}", loaded.problems);
}

#[test]
fn a_tree_beside_a_record_is_read_too() {
    let folder = tempfile::tempdir().unwrap();
    crate::made_up::Run { cells: 2, ..Default::default() }.write(&folder.path().join("record.jsonl")).unwrap();
    tree(folder.path(), &["64B"]);
    let origins: Vec<Origin> = load(&[folder.path().to_owned()]).sources.iter().map(|source| source.origin).collect();
    assert_eq!(origins, [Origin::Record, Origin::Criterion]);
}

#[test]
fn benchmarks_of_an_old_criterion_are_counted_and_the_reason_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        let run = folder.path().join(name).join("new");
        std::fs::create_dir_all(&run).unwrap();
        std::fs::write(run.join("sample.json"), SAMPLE).unwrap();
    }
    let loaded = load(&[folder.path().to_owned()]);
    assert!(loaded.sources.is_empty() && loaded.problems.len() == 1, "{:?}", loaded.problems);
    assert!(loaded.problems[0].contains("2 benchmarks have a `new` without benchmark.json"), "{:?}", loaded.problems);
}

#[test]
fn parameters_ascend_as_numbers() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path(), &["1KiB", "64B", "9B", "128B"]);
    let loaded = load(&[folder.path().to_owned()]);
    let cells = loaded.sources[0].record.cells.iter();
    let sizes: Vec<&str> = cells.filter_map(|cell| cell.id.rsplit('/').next()).collect();
    assert_eq!(sizes, ["9B", "64B", "128B", "1KiB"]);
}

#[test]
fn two_baselines_of_one_tree_are_of_one_environment_and_two_trees_are_not_known_to_be() {
    let folder = tempfile::tempdir().unwrap();
    benchmark_in(&folder.path().join("a"), "new", SAMPLE);
    benchmark_in(&folder.path().join("a"), "main", SAMPLE);
    benchmark_in(&folder.path().join("b"), "new", SAMPLE);
    let paths = ["a", "a@main", "b"].map(|name| folder.path().join(name));
    let sources = load(&paths).sources;
    let distance = |one: usize, other: usize| crate::compare::environment::distance(&sources[one], &sources[other]);
    assert!(distance(0, 1).is_empty() && !distance(0, 2).is_empty());
}

#[test]
fn one_bad_benchmark_beside_a_good_one_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    benchmark_in(folder.path(), "new", SAMPLE);
    benchmark_in(&folder.path().join("bad"), "new", "\x1b[2J");
    let loaded = load(&[folder.path().to_owned()]);
    assert_eq!(loaded.sources[0].record.cells.len(), 1);
    assert!(
        loaded.problems[0].contains("sample.json") && !loaded.problems[0].contains('\x1b'),
        "{:?}",
        loaded.problems
    );
}
