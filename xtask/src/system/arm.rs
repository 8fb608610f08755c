//! ARM CPUs that qemu-user plays.

use std::path::PathBuf;

use super::debian;
use crate::task_error::TaskError;
use crate::workspace::Workspace;

/// An ARM CPU as qemu knows it, and what Linux says of it: ONNX Runtime reads that, too, and ends on a machine that it does
/// not know.
#[derive(Debug)]
pub(crate) struct Cpu {
    pub(crate) name: &'static str,
    implementer: &'static str,
    part: &'static str,
    features: &'static str,
}

/// With 8-bit matrix products, and with dot products alone.
pub(crate) const CPUS: [Cpu; 2] = [
    Cpu {
        name: "max",
        implementer: "0x00",
        part: "0x051",
        features: "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp i8mm bf16",
    },
    Cpu {
        name: "cortex-a76",
        implementer: "0x41",
        part: "0xd0b",
        features: "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
    },
];

/// What qemu looks into before the machine's own files: libraries for ARM, and an ARM CPU's description.
pub(crate) fn prefix(workspace: &Workspace, cpu: &Cpu) -> Result<PathBuf, TaskError> {
    let packages = ["libc6-arm64-cross", "libgcc-s1-arm64-cross", "libstdc++6-arm64-cross"];
    let name = format!("linux-arm64-{}", cpu.name);
    let prefix = debian::root(workspace, &name, &packages)?.join("usr").join("aarch64-linux-gnu");
    fs_err::create_dir_all(prefix.join("proc"))?;
    fs_err::write(prefix.join("proc").join("cpuinfo"), cpu.description())?;
    Ok(prefix)
}

impl Cpu {
    /// `/proc/cpuinfo` of two of them.
    fn description(&self) -> String {
        let Self { implementer, part, features, .. } = self;
        let one = |number| {
            format!(
                "processor\t: {number}\nBogoMIPS\t: 100.00\nFeatures\t: {features}\nCPU implementer\t: {implementer}\n\
                 CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 0\n\n"
            )
        };
        one(0) + &one(1)
    }
}

/// qemu for programs of ARM.
pub(crate) fn qemu() -> Result<PathBuf, TaskError> {
    let path = PathBuf::from("/usr/bin/qemu-aarch64");
    if path.is_file() {
        return Ok(path);
    }
    Err(TaskError::new("find qemu-aarch64, which runs programs of ARM").remedy("`apt-get install qemu-user`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_cpu_is_described_as_linux_does() {
        let text = CPUS[1].description();
        assert_eq!(text.lines().filter(|line| line.starts_with("processor\t: ")).count(), 2);
        assert!(text.contains("CPU part\t: 0xd0b\n") && text.contains(" asimddp\n"));
    }
}
