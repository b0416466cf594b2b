"""What is installed works from where it lies, wherever its libraries go: by `cmake --install`, out of the .deb that cpack makes, and moved."""
import glob
import os
import shutil
import subprocess
import unittest

from support import BUILD, FOLDER, HERE, Case, cairn, main, trace


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **more)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


class Install(Case):
    def works(self, prefix):
        program, path = os.path.join(prefix, "bin", "cairn"), os.path.join(prefix, "made.cairn")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CAIRN")}
        run(program, "record", "-q", "-f", "-o", path, "--", "/bin/ls", "/", env=environment)
        self.assertIn("BY function", run(program, "top", path, env=environment))
        run(program, "demo", "-o", os.path.join(prefix, f"{os.path.basename(prefix)}.cairn"), env=environment, stdin=subprocess.DEVNULL)
        for name in ("include/cairn/cairn.h", "share/man/man1/cairn.1", "share/man/man1/cairn-slim.1", "share/bash-completion/completions/cairn",
                     "share/zsh/site-functions/_cairn", "share/doc/cairn/copyright", "share/cairn/magic", "lib*/**/cairn.py", "lib*/**/cairn_sql.so"):
            self.assertTrue(glob.glob(os.path.join(prefix, name), recursive=True), name)

    def test_cmake_install(self):
        prefix = os.path.join(FOLDER, "installed")
        run("cmake", "--install", BUILD, "--prefix", prefix)
        self.works(prefix)
        moved = os.path.join(FOLDER, "moved")
        os.rename(prefix, moved)
        self.works(moved)

    @unittest.skipUnless(shutil.which("dpkg-shlibdeps"), "skipped: dpkg-dev is not here")
    def test_deb(self):
        folder = os.path.join(FOLDER, "deb")
        run("cpack", "--config", os.path.join(BUILD, "CPackConfig.cmake"), "-B", folder)
        (package,) = glob.glob(os.path.join(folder, "*.deb"))
        self.assertIn("libunwind8", run("dpkg-deb", "-f", package, "Depends"))
        run("dpkg-deb", "-x", package, os.path.join(folder, "root"))
        self.works(os.path.join(folder, "root", "usr"))

    @unittest.skipUnless(shutil.which("file"), "skipped: file is not here")
    def test_magic(self):
        magic = os.path.join(HERE, "..", "..", "assets", "magic", "cairn")
        self.assertRegex(run("file", "-m", magic, trace("waves")), r": cairn trace, schema version \d+$")
        self.assertEqual(cairn("info", trace("waves")).status, 0)


main()
