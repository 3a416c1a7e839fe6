//! Whether the machine is one: hypervisor, product, and hints of a container.

use super::Root;
use super::cpu::cpuinfo;
use super::host_name::without_host_name;
use super::key::{Key, Reading};
use serde_json::{Value, json};

const PRODUCT: &str = "/sys/class/dmi/id/{sys_vendor,product_name}, /proc/device-tree/model";
const HYPERVISOR: &str =
    "/proc/cpuinfo, /sys/hypervisor/type, /proc/device-tree/hypervisor/compatible, /sys/class/dmi/id, clocksources";
const CONTAINER: &str = "/.dockerenv, /run/.containerenv, /run/systemd/container, /proc/self/cgroup";

pub(super) const KEYS: &[Key] = &[
    Key::by("system_product", PRODUCT, "the product, board or cloud instance, never its serial number", product)
        .identifying(),
    Key::by("hypervisor", HYPERVISOR, "`none`, or whose virtual machine this is; it may deschedule us", hypervisor)
        .identifying(),
    Key::by("container_hints", CONTAINER, "signs that a container runtime confines us; none seen is []", container),
];

/// Words in the product or vendor that name the hypervisor below it (systemd's virt.c, dmidecode of these products).
const DMI_WORDS: &[(&str, &str)] = &[
    ("kvm", "kvm"),
    ("qemu", "qemu"),
    ("amazon ec2", "kvm"),
    ("google compute engine", "kvm"),
    ("openstack", "kvm"),
    ("vmware", "vmware"),
    ("virtualbox", "virtualbox"),
    ("microsoft corporation virtual machine", "hyperv"),
    ("xen", "xen"),
    ("parallels", "parallels"),
    ("bhyve", "bhyve"),
    ("apple virtualization", "apple"),
];

fn product_text(root: &Root) -> Result<String, String> {
    let part = |name: &str| root.read(&format!("/sys/class/dmi/id/{name}"));
    match (part("sys_vendor"), part("product_name")) {
        (Ok(vendor), Ok(product)) => Ok(format!("{vendor} {product}").trim().to_owned()),
        (Ok(text), Err(_)) | (Err(_), Ok(text)) => Ok(text),
        (Err(dmi), Err(_)) => root.read("/proc/device-tree/model").map_err(|tree| format!("{dmi}; {tree}")),
    }
}

fn product(root: &Root) -> Reading {
    product_text(root).map(|text| json!(without_host_name(root, &text)))
}

/// Who says so decides: a name given by the hypervisor, the product's name, a clock that only guests have, the CPU.
fn hypervisor(root: &Root) -> Reading {
    let flags = cpuinfo(root, &["flags"]);
    let guest = flags.as_ref().map(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"));
    if guest == Ok(false) {
        // Bare-metal cloud instances carry the product name of the cloud too, so the flag comes first.
        return Ok(json!("none"));
    }
    let named = by_hypervisor(root).or_else(|| by_product(root)).or_else(|| by_clock(root));
    match (named, guest) {
        (Some(name), _) => Ok(json!(name)),
        (None, Ok(_)) => Ok(json!("unknown")),
        (None, Err(_)) => Err("no sign of a hypervisor, but only x86 has a CPU flag that would show each".to_owned()),
    }
}

fn by_hypervisor(root: &Root) -> Option<String> {
    let tree = || root.read("/proc/device-tree/hypervisor/compatible").ok();
    let name = root.read("/sys/hypervisor/type").ok().or_else(tree)?;
    Some(name.trim_start_matches("linux,").to_owned())
}

fn by_product(root: &Root) -> Option<String> {
    let product = product_text(root).ok()?.to_lowercase();
    if product.ends_with(".metal") {
        return None;
    }
    DMI_WORDS.iter().find(|(word, _)| product.contains(word)).map(|(_, name)| (*name).to_owned())
}

fn by_clock(root: &Root) -> Option<String> {
    let clocks = root.read("/sys/devices/system/clocksource/clocksource0/available_clocksource").ok()?;
    let guests = [("kvm-clock", "kvm"), ("hyperv_clocksource", "hyperv"), ("xen", "xen")];
    guests.iter().find(|(clock, _)| clocks.contains(clock)).map(|(_, name)| (*name).to_owned())
}

fn container(root: &Root) -> Reading {
    let files = ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"];
    let mut hints: Vec<Value> = files.iter().filter(|path| root.exists(path)).map(|path| json!(path)).collect();
    let cgroups = root.read("/proc/self/cgroup").unwrap_or_default();
    let runtimes = ["docker", "kubepods", "containerd", "crio", "libpod", "lxc", "garden"];
    hints.extend(runtimes.iter().filter(|name| cgroups.contains(*name)).map(|name| json!(format!("cgroup {name}"))));
    Ok(Value::Array(hints))
}
