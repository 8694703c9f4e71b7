// Package asowner lets a command that root started work as whoever owns the
// folder it works in. What root makes in a service's folder is root's, and the
// service can neither read nor change it at its next start.
package asowner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Become turns root into the owner of a folder, with the owner's groups; where
// the folder is not there yet, into the owner of the nearest one above it. It
// returns the owner's name, and "" where nothing changes: the program is not
// root's, or the folder is. There is no way back: call it before anything is
// opened, and before goroutines rely on root's rights.
func Become(folder string) (name string, err error) {
	if os.Geteuid() != 0 {
		return "", nil
	}
	owner, err := ownerOf(folder)
	if err != nil {
		return "", fmt.Errorf("find out whose folder %s is: %w", folder, err)
	}
	if owner.Uid == 0 {
		return "", nil
	}
	name, groups := identity(owner)
	if err := errors.Join(syscall.Setgroups(groups), syscall.Setresgid(int(owner.Gid), int(owner.Gid), int(owner.Gid))); err != nil {
		return "", fmt.Errorf("take on the groups of %s, who owns %s: %w", name, folder, err)
	}
	if err := syscall.Setresuid(int(owner.Uid), int(owner.Uid), int(owner.Uid)); err != nil {
		return "", fmt.Errorf("work as %s, who owns %s: %w", name, folder, err)
	}
	return name, nil
}

// ownerOf asks the folder, or the nearest one above it that is there.
func ownerOf(folder string) (*syscall.Stat_t, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	for {
		info, err := os.Stat(folder)
		if err == nil {
			stat, ok := info.Sys().(*syscall.Stat_t)
			if !ok {
				return nil, errors.ErrUnsupported
			}
			return stat, nil
		}
		if parent := filepath.Dir(folder); errors.Is(err, fs.ErrNotExist) && parent != folder {
			folder = parent
			continue
		}
		return nil, err
	}
}

// identity is the owner's name and all its groups: cameras and receivers
// belong to groups. An owner without an account keeps the folder's group.
func identity(owner *syscall.Stat_t) (name string, groups []int) {
	id := strconv.FormatUint(uint64(owner.Uid), 10)
	groups = []int{int(owner.Gid)}
	u, err := user.LookupId(id)
	if err != nil {
		return "user " + id, groups
	}
	ids, err := u.GroupIds()
	if err != nil {
		return u.Username, groups
	}
	for _, g := range ids {
		if n, err := strconv.Atoi(g); err == nil {
			groups = append(groups, n)
		}
	}
	return u.Username, groups
}
