package camera

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
)

// hidden stands where an address holds what must not be shown.
const hidden = "…"

// Shown is a camera's location as logs, reports and pages may show it: user,
// password, query and whatever else may be a secret left out.
func Shown(location string) string {
	if IsPipeline(location) {
		return shownPipeline(location)
	}
	scheme, rest, isAddress := strings.Cut(location, "://")
	if !isAddress {
		return location
	}
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		rest = rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, "?")
	rest, _, _ = strings.Cut(rest, "#")
	host, path, hasPath := strings.Cut(rest, "/")
	if hasPath && tellsSecret(path) {
		path = hidden
	}
	if hasPath {
		host += "/" + path
	}
	return scheme + "://" + host
}

// tellsSecret says whether a path may hold user and password, as some cameras
// want it: /user=admin&password=12345&channel=1.sdp.
func tellsSecret(path string) bool {
	path = strings.ToLower(path)
	for _, word := range []string{"=", "pass", "pwd", "token", "auth", "user"} {
		if strings.Contains(path, word) {
			return true
		}
	}
	return false
}

// NameOf is the name of a camera that was given none: the last part of its
// location, without secrets.
func NameOf(location string) string { return filepath.Base(Shown(location)) }

var errAddress = errors.New("not an address: write it like rtsp://host:554/path, or rtsp://user:password@host:554/path; " +
	"in user and password write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F and % as %25")

// address is a network camera's location as FFmpeg reads it. People write
// passwords as they are: a character that ends a part of an address is written
// as %23 and the like, where the address cannot be read otherwise.
func address(location string) (string, error) {
	if u, err := url.Parse(location); err == nil && u.Host != "" && !strings.Contains(u.Fragment, "@") {
		if isAstray(u) {
			return "", fmt.Errorf("check camera %s: %w", Shown(location), errAstray)
		}
		return location, nil // a # before the host is part of user or password
	}
	scheme, rest, _ := strings.Cut(location, "://")
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		user, password, hasPassword := strings.Cut(rest[:i], ":")
		mended := scheme + "://" + escaped(user)
		if hasPassword {
			mended += ":" + escaped(password)
		}
		mended += rest[i:]
		if u, err := url.Parse(mended); err == nil && u.Host != "" {
			return mended, nil
		}
	}
	return "", fmt.Errorf("check camera %s: %w", Shown(location), errAddress)
}

var errAstray = errors.New("user and password cannot be told from host and port: " +
	"in user and password write / as %2F and ? as %3F, and behind the host write @ as %40")

// isAstray says whether an address may have been meant otherwise than it reads:
// in rtsp://admin:12/x@cam the password may be 12/x, but the host is admin and the
// port 12. An address in numbers is no user.
func isAstray(u *url.URL) bool {
	return u.User == nil && u.Port() != "" && net.ParseIP(u.Hostname()) == nil && strings.Contains(u.EscapedPath()+u.RawQuery, "@")
}

// escaped writes each character as %XX that cannot stand in user or password.
// What is written so already stays.
func escaped(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		isEscape := c == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2])
		isPlain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~!$&'()*+,;=", c) >= 0
		if isEscape || isPlain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
