package camera

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestShownHidesSecrets(t *testing.T) {
	for in, want := range map[string]string{
		"rtsp://user:pass@10.0.0.2/main?token=x":              "rtsp://10.0.0.2/main",
		"rtsp://user:p%zz@10.0.0.2/main":                      "rtsp://10.0.0.2/main",
		"rtsp://user:12/se@cam:554/main":                      "rtsp://cam:554/main", // reads as host "user", port 12
		"rtsp://user:a#b?c/d@cam/main":                        "rtsp://cam/main",
		"rtsp://cam/user=admin&password=s3cret&channel=1.sdp": "rtsp://cam/…",
		"http://cam/mjpg/video.mjpg#s3cret":                   "http://cam/mjpg/video.mjpg",
		"rtsp://cam":                                          "rtsp://cam",
		"/dev/video0":                                         "/dev/video0",
		"drives/a@b.mp4":                                      "drives/a@b.mp4",
	} {
		if got := Shown(in); got != want {
			t.Errorf("Shown(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"rtsp://admin:pw@127.0.0.1:554": "127.0.0.1:554", "rtsp://cam/main?user=admin&pwd=x": "main", "/dev/video0": "video0"} {
		if got := NameOf(in); got != want {
			t.Errorf("NameOf(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestPasswordsMayHoldAnything: an address is read as its writer meant it.
func TestPasswordsMayHoldAnything(t *testing.T) {
	for _, password := range []string{"plain", "a#b", "a/b", "a?b", "100%", "%zz", "a b", "a^b", "a@b", "a:b", "a[b]", `a"b\\c`, "ä€", "a%23b", "#/?%^ @:", "{}|<>`"} {
		for _, user := range []string{"admin", "ad#min", "a b"} {
			got, err := address("rtsp://" + user + ":" + password + "@127.0.0.1:554/main?x=1")
			if err != nil {
				t.Errorf("%q: %v", password, err)
				continue
			}
			u, err := url.Parse(got)
			if err != nil || u.Host != "127.0.0.1:554" || u.Path != "/main" || u.RawQuery != "x=1" {
				t.Fatalf("%q became %q: %v", password, got, err)
			}
			want := strings.ReplaceAll(password, "%23", "#") // written as it must be already
			if read, _ := u.User.Password(); read != want || u.User.Username() != user {
				t.Errorf("%q of %q is read as %q of %q", password, user, read, u.User.Username())
			}
			if _, err := New(Config{Location: "rtsp://" + user + ":" + password + "@127.0.0.1:554/main"}, quiet()); err != nil {
				t.Errorf("%q: %v", password, err)
			}
		}
	}
	for _, bad := range []string{"rtsp://", "rtsp:///main", "rtsp://user:s3cret@", "rtsp://cam:s3cret", "rtsp://user:s3cret@a b/"} {
		_, err := address(bad)
		if !errors.Is(err, errAddress) || strings.Contains(err.Error(), "s3cret@") || !strings.Contains(err.Error(), "%23") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestAPasswordThatReadsAsAPortIsRefused: FFmpeg would ask the wrong host, and
// nobody would know why.
func TestAPasswordThatReadsAsAPortIsRefused(t *testing.T) {
	for _, bad := range []string{
		"rtsp://admin:12/x@10.0.0.2/main", "rtsp://admin:12/x@cam:554/main", "rtsp://first.last:12/x@cam", "rtsp://admin:12?x@cam/main",
		"rtsp://admin:0/@cam", "http://admin:1/2/3@cam/mjpg", "rtsp://cam:554/live@1",
	} {
		_, err := address(bad)
		if !errors.Is(err, errAstray) || !strings.Contains(err.Error(), "%2F") || strings.Contains(err.Error(), "12") {
			t.Errorf("%q: %v", bad, err)
		}
		if _, err := New(Config{Location: bad}, quiet()); !errors.Is(err, errAstray) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{
		"rtsp://10.0.0.2:554/user=a&password=p@ss", "rtsp://[::1]:554/live@1", "rtsp://cam/live@1", "rtsp://cam:554/live%401", "rtsp://admin:12%2Fx@cam/main",
		"rtsp://admin:12%2Fx@cam:554/main@1", "rtsp://cam:554/main?user=a%40b",
	} {
		if got, err := address(good); err != nil || got != good {
			t.Errorf("%q: %q, %v", good, got, err)
		}
	}
}

func FuzzAddress(f *testing.F) {
	const password = "s3cr3t-Pa55"
	f.Add("user", "10.0.0.2/main")
	f.Add("u%zz", "cam:554/a?b=c")
	f.Add("a@b", "[::1]:554")
	f.Add("a/b#c?d", "cam")
	f.Add("admin:12/x", "cam:554/main")
	f.Add("ä\u202e\u200b", "cam\u00a0:554/\U0001f697?@")
	f.Add("a:b@c:d", "[fe80::1%25eth0]:0/%zz")
	f.Fuzz(func(t *testing.T, user, rest string) {
		for _, p := range []string{password, password + "%", password + " @", "1/" + password, "#" + password + "?"} {
			location := "rtsp://" + user + ":" + p + "@" + rest
			if shown := Shown(location); strings.Contains(shown, password) {
				t.Errorf("%q shows the password", shown)
			}
			got, err := address(location)
			if err != nil && strings.Contains(err.Error(), password) {
				t.Errorf("%v shows the password", err)
			}
			if u, bad := url.Parse(got); err == nil && (bad != nil || u.Host == "") {
				t.Errorf("%q became %q", location, got)
			}
		}
	})
}
