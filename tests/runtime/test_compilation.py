"""The cache of compiled programs on disk."""

import os
import subprocess
import sys
import zlib
from pathlib import Path

import jax
import platformdirs
import pytest

from sersiclab.runtime import compilation
from sersiclab.runtime.compilation import cache_environment, persistent_cache


@pytest.fixture
def unset(monkeypatch):
    """JAX as it is where nobody has asked for a cache, and as it was before afterwards."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    for name in names:
        monkeypatch.delenv(name.upper(), raising=False)
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    jax.experimental.compilation_cache.compilation_cache.reset_cache()


@pytest.mark.usefixtures("unset")
def test_the_folder_is_the_users(tmp_path, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name, **options: tmp_path / name)
    assert persistent_cache() == tmp_path / "sersiclab" / "compiled"
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "sersiclab" / "compiled")
    assert jax.config.jax_persistent_cache_min_compile_time_secs == 0.0
    assert (tmp_path / "sersiclab" / "compiled").is_dir()


@pytest.mark.usefixtures("unset")
def test_what_the_user_has_set_stays(tmp_path, monkeypatch):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "theirs"))
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "5")
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 5.0)
    assert persistent_cache() == tmp_path / "theirs"
    assert jax.config.jax_persistent_cache_min_compile_time_secs == 5.0
    assert persistent_cache(tmp_path / "ours") == tmp_path / "ours"
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "ours")


@pytest.mark.usefixtures("unset")
def test_a_folder_that_can_not_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        persistent_cache(tmp_path / "file" / "cache")
    assert jax.config.jax_compilation_cache_dir is None


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "parent" / "cache"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o755)
    return folder


@pytest.mark.usefixtures("unset")
@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.parametrize("way", ["argument", "jax.config", "environment"])
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_folder_that_others_can_write_to_is_reported(folder, monkeypatch, mode, way):
    folder.chmod(mode)
    if way == "environment":
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(folder))
    if way == "jax.config":
        jax.config.update("jax_compilation_cache_dir", str(folder))
    ask = {
        "argument": lambda: persistent_cache(folder),
        "jax.config": persistent_cache,
        "environment": cache_environment,
    }
    with pytest.warns(UserWarning, match=r"other users can change .*cache is writable by everyone"):
        ask[way]()


@pytest.mark.usefixtures("unset")
@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_so_is_one_in_whose_place_others_can_put_another(folder):
    folder.parent.chmod(0o777)
    with pytest.warns(UserWarning, match="parent is writable by everyone"):
        persistent_cache(folder)


@pytest.mark.usefixtures("unset")
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only the administrator gives files away")
def test_so_is_one_of_another_user_or_group(folder):
    os.chown(folder, -1, 12345)
    folder.chmod(0o770)
    with pytest.warns(UserWarning, match="cache is writable by a group"):
        persistent_cache(folder)
    os.chown(folder, 12345, -1)
    with pytest.warns(UserWarning, match="cache belongs to another user"):
        persistent_cache(folder)


@pytest.mark.usefixtures("unset")
@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_a_folder_of_the_users_own_is_no_news(folder, recwarn):
    folder.parent.chmod(0o1777)
    for mode in (0o755, 0o700, 0o775):
        folder.chmod(mode)
        persistent_cache(folder)
    (folder / "new").parent.chmod(0o755)
    persistent_cache(folder / "new")
    assert (folder / "new").stat().st_mode & 0o777 == 0o700
    assert not [warning for warning in recwarn if "compilation cache" in str(warning.message)]


def test_the_environment_keeps_what_is_there(monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/theirs")
    monkeypatch.setenv("SERSICLAB_OTHER", "1")
    environment = cache_environment()
    assert (environment["JAX_COMPILATION_CACHE_DIR"], environment["SERSICLAB_OTHER"]) == ("/theirs", "1")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    assert Path(cache_environment()["JAX_COMPILATION_CACHE_DIR"]).parent.name == "sersiclab"


# Something small is compiled before the cache is asked for, as in a notebook in which it comes to mind late.
SCRIPT = """
import sys
import jax
import jax.numpy as jnp
import numpy as np
import sersiclab as sl

jnp.ones(3) + 1
sl.persistent_cache(sys.argv[1])
counts = {"cache_hits": 0, "cache_misses": 0}

def count(event, **_):
    name = event.rsplit("/")[-1]
    if name in counts:
        counts[name] += 1

jax.monitoring.register_event_listener(count)
image = sl.Image(np.zeros((12, 14)), sigma=1.0)
sl.render(sl.Model({"star": sl.PointSource(5.0, 6.0, 1.0), "sky": sl.FlatSky(0.5)}), image)
print(counts["cache_hits"], counts["cache_misses"])
"""


def test_the_second_process_compiles_nothing(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}

    def run() -> list[int]:
        command = [sys.executable, "-W", "error::UserWarning", "-c", SCRIPT, str(tmp_path / "cache")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300)
        return [int(word) for word in done.stdout.split()]

    hits, misses = run()
    files = sorted((tmp_path / "cache").glob("*-cache"))
    stored = len(files)
    assert hits == 0
    assert misses == stored > 0
    # As if the process had been killed while it wrote these; JAX would not write them anew.
    whole = {file: file.read_bytes() for file in files}
    files[0].write_bytes(whole[files[0]][:-5])
    files[1].write_bytes(b"")
    assert run() == [stored - 2, 2]
    assert sorted((tmp_path / "cache").glob("*-cache")) == files
    assert all(len(file.read_bytes()) > 0.9 * len(whole[file]) for file in files)
    assert run() == [stored, 0]


def test_files_that_are_not_whole_are_deleted_once(tmp_path, monkeypatch):
    whole, other = zlib.compress(b"program" * 100), b"(\xb5/\xfd of zstandard"
    contents = {
        "whole": whole,
        "cut": whole[:-2],
        "empty": b"",
        "flipped": whole[:9] + b"#" + whole[10:],
        "other": other,
    }
    for name, content in contents.items():
        (tmp_path / f"{name}-cache").write_bytes(content)
    compilation._sweep(tmp_path)
    assert {file.name for file in tmp_path.glob("*-cache")} == {"whole-cache", "other-cache"}
    looked = []
    monkeypatch.setattr(compilation, "_is_whole", lambda file: looked.append(file.name) or True)
    (tmp_path / "new-cache").write_bytes(whole)
    for file in ("whole", "other"):
        os.utime(tmp_path / f"{file}-cache", (1e9, 1e9))
    compilation._sweep(tmp_path)
    assert looked == ["new-cache"]
