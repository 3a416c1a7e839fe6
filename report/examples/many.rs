//! temporary
fn main() {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    for machine in 0..100 {
        ipcmark_report::made_up::Run { machine, ..Default::default() }
            .write(&folder.join(format!("{machine:03}.jsonl")))
            .unwrap();
    }
}
