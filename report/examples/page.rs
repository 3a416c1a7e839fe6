//! temporary
fn main() {
    let args: Vec<std::path::PathBuf> = std::env::args().skip(2).map(Into::into).collect();
    let loaded = ipcmark_report::load::load(&args);
    std::fs::write(std::env::args().nth(1).unwrap(), ipcmark_report::page::render(&loaded)).unwrap();
}
