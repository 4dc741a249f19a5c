#!/bin/bash
# Runs a command as root in a virtual machine with a stock Debian kernel and cgroup v2 only,
# and returns its exit status. The guest sees this machine's root file system, read-only below
# an overlay in guest memory, so that everything built here is there at the same path;
# /var/vm is a fresh ext4 disk. There is no network but loopback.
#
# usage: run.sh [-k 6.1|6.12] [-t SECONDS] [-m MIB] COMMAND [ARG ...]
#
# Without hardware virtualisation everything is emulated, about 18 times slower: run prebuilt
# binaries only. The kernel is fetched once, from this machine's Debian mirror.
set -euo pipefail

kernel=6.1 seconds=900 memory=4096
while getopts k:t:m: option; do
    case $option in
        k) kernel=$OPTARG ;;
        t) seconds=$OPTARG ;;
        m) memory=$OPTARG ;;
        *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '2,/^set/s/^# \?//p' "$0" >&2; exit 2; }
cache=${SAMPAN_VM_CACHE:-/var/cache/sampan-vm}/$kernel

# Downloads the kernel package of the release that has this kernel, into $cache/x.
fetch_kernel() {
    local release mirror package lists=$cache/apt
    case $kernel in
        6.1) release=bookworm ;;
        6.12) release=trixie ;;
        *) echo "unknown kernel $kernel" >&2; exit 2 ;;
    esac
    mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/ 2>/dev/null |
        grep -v security | awk 'NR == 1 { print $1 }') || true # grep fails when one of the places is absent
    [ -n "$mirror" ] || { echo "no Debian mirror in /etc/apt" >&2; exit 2; }
    mkdir -p "$lists/lists/partial" "$lists/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" > "$lists/list"
    local apt=(-o "Dir::Etc::SourceList=$lists/list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$lists/lists" -o "Dir::Cache=$lists" -o APT::Sandbox::User=root)
    apt-get "${apt[@]}" update -qq >/dev/null
    package=$(apt-cache "${apt[@]}" depends linux-image-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
    (cd "$lists" && apt-get "${apt[@]}" -qq download "$package" >/dev/null && dpkg -x ./*.deb "$cache/x")
    rm -rf "$lists"
}

# Unpacks the modules that the guest needs; compressed ones load very slowly under emulation.
prepare_modules() {
    local modules=$cache/x/lib/modules
    [ -d "$modules" ] || modules=$cache/x/usr/lib/modules
    mkdir -p "$cache/root/lib"
    mv "$modules" "$cache/root/lib/modules"
    mv "$cache"/x/boot/vmlinuz-* "$cache/vmlinuz"
    rm -rf "$cache/x"
    ls "$cache/root/lib/modules" > "$cache/version"
    local tree; tree=$cache/root/lib/modules/$(cat "$cache/version")
    (cd "$tree/kernel" && find net lib crypto fs/overlayfs fs/9p fs/netfs fs/fscache fs/ext4 fs/jbd2 fs/fuse \
        drivers/virtio drivers/block drivers/char/hw_random drivers/net/veth.ko.xz -name '*.ko.xz' \
        -exec xz -d {} + 2>/dev/null) || true
    depmod -b "$cache/root" "$(cat "$cache/version")"
}

# An initial RAM disk that reaches this machine's files and hands over to stage 2.
make_initrd() {
    local disk=$cache/initrd.d version applet module file
    version=$(cat "$cache/version")
    mkdir -p "$disk"/{bin,m,proc,sys,dev,new,ro,rw}
    cp /bin/busybox "$disk/bin/"
    for applet in sh mount mkdir insmod switch_root; do ln -sf busybox "$disk/bin/$applet"; done
    for module in virtio_pci 9pnet_virtio 9p overlay virtio_blk virtio_console virtio_rng; do
        modprobe -d "$cache/root" -S "$version" --show-depends "$module" 2>/dev/null | awk '/^insmod/ { print $2 }'
    done | awk '!seen[$0]++' | while read -r file; do
        cp "$file" "$disk/m/"
        basename "$file" >> "$disk/m/order"
    done
    find "$disk/m" -name '*.xz' -exec xz -d {} +
    sed -i 's/\.xz$//' "$disk/m/order"
    cat > "$disk/init" <<'INIT'
#!/bin/sh
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev
while read -r file; do insmod "/m/$file"; done < /m/order
options=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o $options,cache=loose,ro root /ro
mount -t tmpfs -o size=50% t /rw; mkdir -p /rw/u /rw/w
mount -t overlay -o lowerdir=/ro,upperdir=/rw/u,workdir=/rw/w o /new
mount -t tmpfs t /new/run; mkdir -p /new/run/job /new/var/vm
mount -t 9p -o $options,cache=none job /new/run/job
mount --move /proc /new/proc; mount --move /sys /new/sys; mount --move /dev /new/dev
exec switch_root /new /bin/bash /run/job/stage2
INIT
    chmod +x "$disk/init"
    (cd "$disk" && find . | cpio -o -H newc --quiet | gzip -1) > "$cache/initrd"
    rm -rf "$disk"
}

# What the guest does once it sees this machine's files: mounts, modules, the command.
write_stage2() {
    local version; version=$(cat "$cache/version")
    printf 'version=%q modules=%q\n' "$version" "$cache/root/lib/modules"
    cat <<'STAGE2'
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TMPDIR=/var/vm
mkdir -p /dev/pts /dev/shm /sys/fs/cgroup /lib/modules/$version
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts; mount -t tmpfs -o mode=1777 shm /dev/shm
ln -sfn /proc/self/fd /dev/fd
mount --bind "$modules/$version" "/lib/modules/$version"
mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
for module in br_netfilter nf_nat nft_chain_nat nft_masq nft_ct nft_numgen nft_fib_ipv4 veth bridge; do
    modprobe -q $module
done
mount -t ext4 -o noatime /dev/vda /var/vm
busybox ip link set lo up
# Processes in a leaf of their own, as a service manager would have it.
mkdir /sys/fs/cgroup/init.scope; echo $$ > /sys/fs/cgroup/init.scope/cgroup.procs
bash /run/job/command </dev/null >/dev/hvc0 2>&1
echo $? > /run/job/status
sync; echo o > /proc/sysrq-trigger; sleep 30
STAGE2
}

"$(dirname "$0")/../../.ci/need" qemu-system-x86 kmod cpio e2fsprogs busybox-static xz-utils
mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
if [ ! -e "$cache/initrd" ]; then
    fetch_kernel
    prepare_modules
    make_initrd
fi
flock -u 9

job=$(mktemp -d)
trap 'rm -rf "$job"' EXIT
mkdir "$job/share"
truncate -s 8G "$job/disk"
mkfs.ext4 -q -O ^has_journal -E lazy_itable_init=1,nodiscard "$job/disk"
{
    printf 'cd %q\n' "$PWD"
    # Settings of the tests go into the guest with the command.
    for name in "${!SAMPAN_@}"; do printf 'export %s=%q\n' "$name" "${!name}"; done
    printf 'exec'; printf ' %q' "$@"; echo
} > "$job/share/command"
write_stage2 > "$job/share/stage2"

timeout -k 5 "$seconds" qemu-system-x86_64 -machine q35,hpet=off,smm=off -cpu max \
    -accel tcg,thread=multi,tb-size=512 -smp 2 -m "$memory" -nodefaults -no-user-config -display none -no-reboot \
    -kernel "$cache/vmlinuz" -initrd "$cache/initrd" \
    -append "console=ttyS0 quiet loglevel=3 panic=-1 cgroup_no_v1=all psi=1 mitigations=off nokaslr no_timer_check tsc=reliable random.trust_cpu=1 audit=0 net.ifnames=0" \
    -chardev "file,id=serial,path=$job/serial" -serial chardev:serial \
    -device virtio-serial-pci -chardev stdio,id=console,signal=off -device virtconsole,chardev=console \
    -object rng-random,id=random,filename=/dev/urandom -device virtio-rng-pci,rng=random \
    -drive "file=$job/disk,if=none,id=disk,format=raw,cache=unsafe,discard=unmap" -device virtio-blk-pci,drive=disk \
    -fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap -device virtio-9p-pci,fsdev=root,mount_tag=root \
    -fsdev "local,id=job,path=$job/share,security_model=none" -device virtio-9p-pci,fsdev=job,mount_tag=job \
    </dev/null | sed -u 's/\r//g' || true
if [ ! -e "$job/share/status" ]; then
    echo "the virtual machine ended without an exit status; its console:" >&2
    tail -n 25 "$job/serial" >&2 || true
    exit 125
fi
exit "$(cat "$job/share/status")"
