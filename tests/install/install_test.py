"""What is installed can be moved, found by CMake and by pkg-config, linked and run."""

import argparse
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
parser = argparse.ArgumentParser()
for option in ("build", "scratch", "cmake", "cxx", "version"):
    parser.add_argument(f"--{option}", required=True)
given = parser.parse_args()
scratch = pathlib.Path(given.scratch)


def run(*command, **more):
    print("+", *command, flush=True)
    ran = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    if ran.returncode != 0:
        sys.exit(f"ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    return ran.stdout.strip()


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: got {got!r}, wanted {wanted!r}")
    print(f"ok: {what}: {got}", flush=True)


def install(*components):
    """The prefix, after it was moved from where it was installed."""
    prefix, moved = scratch / "first", scratch / "-".join(components)
    for component in components:
        run(given.cmake, "--install", given.build, "--prefix", prefix, "--component", component)
    prefix.rename(moved)
    return moved


def configure(source, build, prefix, *more):
    run(given.cmake, "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_CXX_COMPILER={given.cxx}", "-DCMAKE_BUILD_TYPE=Release", *more)
    run(given.cmake, "--build", build)


shutil.rmtree(scratch, ignore_errors=True)
scratch.mkdir(parents=True)

# Both libraries through find_package.
both = install("shared", "static")
build = scratch / "build-both"
configure(HERE / "consumer", build, both, "-DWITH_STATIC=ON")
expect("C program, shared library", run(build / "shared_c"), given.version)
expect("C++ program, shared library", run(build / "shared_cpp"), f"{given.version} refused")
expect("C++ program, static library and engine headers", run(build / "static_engine"),
       f"{given.version} 503 unavailable: no room")

# The shared library alone: no engine, and found without its dependencies' packages.
shared = install("shared")
if (shared / "include/collector/engine").exists():
    sys.exit("engine/ was installed with the shared library")
build = scratch / "build-shared"
configure(HERE / "consumer", build, shared, "-DWITH_STATIC=OFF",
          "-DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON")
expect("shared library alone", run(build / "shared_c"), given.version)

# pkg-config, with an installed library where the loader is told to look.
package = next(shared.rglob("libcollector.pc"))
environment = {**os.environ, "PKG_CONFIG_PATH": str(package.parent)}
expect("pkg-config version",
       run("pkg-config", "--modversion", "libcollector", env=environment), given.version)
flags = shlex.split(run("pkg-config", "--cflags", "--libs", "libcollector", env=environment))
run("cc", HERE / "consumer/shared_c.c", "-o", scratch / "by_pkg_config", *flags)
expect("program built with pkg-config",
       run(scratch / "by_pkg_config",
           env={**environment, "LD_LIBRARY_PATH": str(package.parent.parent)}), given.version)
print("6 passed, 0 failed")
