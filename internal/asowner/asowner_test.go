package asowner_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"alpr/internal/asowner"
)

// inside names the folder in which the test, run once more, makes a file.
const inside = "ALPR_TEST_BECOME_OWNER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(inside); dir != "" {
		name, err := asowner.Become(filepath.Join(dir, "not", "yet"))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "made"), nil, 0o600)
		}
		fmt.Print(name)
		if err != nil {
			fmt.Print(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// owner is whose a path is.
func owner(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

// TestWhatRootMakesIsTheOwners runs as root, as CI does, with a folder of
// another account; without root's rights everything stays as it is.
func TestWhatRootMakesIsTheOwners(t *testing.T) {
	want := os.Geteuid()
	dir, err := os.MkdirTemp("/var/tmp", "owner") // the test's own folder has parents that only root enters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if want == 0 {
		want = 65534
		if err := os.Chown(dir, want, want); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), inside+"="+dir)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := owner(t, filepath.Join(dir, "made")); got != want {
		t.Errorf("what was made is user %d's, want %d's", got, want)
	}
	if os.Geteuid() == 0 && !strings.Contains(string(out), "nobody") {
		t.Errorf("says %q, want the owner's name", out)
	}
}
