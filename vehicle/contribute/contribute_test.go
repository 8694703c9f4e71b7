package contribute

import "testing"

func FuzzBareJPEG(f *testing.F) {
	f.Add([]byte{0xff, 0xd8, 0xff, 0xe1, 0, 4, 1, 2, 0xff, 0xda, 0, 2})
	f.Add([]byte{0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		if out, err := bareJPEG(data); err == nil && len(out) > len(data) {
			t.Error("it grew")
		}
	})
}
