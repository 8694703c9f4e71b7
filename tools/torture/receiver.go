package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// receiver is a satellite receiver on a serial port: a pseudo-terminal to which
// it writes RMC and GGA twice a second.
type receiver struct {
	link string // what the configuration names

	mu       sync.Mutex
	fd       int // the terminal's other side; -1: unplugged
	isSilent bool
	ahead    time.Duration // satellite time before the system's
}

// startReceiver plugs a receiver in until the test ends.
func startReceiver(t testing.TB, dir string) *receiver {
	t.Helper()
	r := &receiver{link: filepath.Join(dir, "gps"), fd: -1}
	if err := r.plug(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { r.run(ctx) })
	t.Cleanup(func() { stop(); done.Wait(); r.unplug() })
	return r
}

// plug makes a terminal and points the link at it.
func (r *receiver) plug() error {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make a terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	var term *unix.Termios
	if err == nil {
		term, err = unix.IoctlGetTermios(fd, unix.TCGETS)
	}
	if err == nil { // nothing that is written comes back
		term.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
		term.Oflag &^= unix.OPOST
		err = unix.IoctlSetTermios(fd, unix.TCSETS, term)
	}
	if err == nil {
		_ = os.Remove(r.link) // there may be none
		err = os.Symlink(fmt.Sprintf("/dev/pts/%d", n), r.link)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("set up the terminal: %w", err), unix.Close(fd))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fd = fd
	return nil
}

// unplug takes the terminal away, as a pulled USB plug does.
func (r *receiver) unplug() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fd >= 0 {
		_ = unix.Close(r.fd) // nothing is left to be done about it
		_ = os.Remove(r.link)
	}
	r.fd = -1
}

func (r *receiver) run(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			r.mu.Lock()
			isSilent, at := r.isSilent, now.Add(r.ahead)
			r.mu.Unlock()
			if !isSilent {
				r.say(fix(at))
			}
		}
	}
}

// say writes to the line. What does not fit is lost, as on a real one.
func (r *receiver) say(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for data := []byte(text); r.fd >= 0 && len(data) > 0; {
		n, err := unix.Write(r.fd, data)
		if err != nil || n <= 0 {
			return
		}
		data = data[n:]
	}
}

func (r *receiver) set(isSilent bool, ahead time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isSilent, r.ahead = isSilent, ahead
}

// fix is the position of an instant: a car that drives east.
func fix(at time.Time) string {
	at = at.UTC()
	clock := at.Format("150405.00")
	minutes := 10 + float64(at.Unix()%600)/60
	place := fmt.Sprintf("3512.3456,N,080%07.4f,W", minutes)
	return sentence("GPRMC,"+clock+",A,"+place+",022.4,090.0,"+at.Format("020106")+",,,A") +
		sentence("GPGGA,"+clock+","+place+",1,09,0.9,210.0,M,-33.0,M,,")
}

// sentence puts '$' before a sentence and its sum behind it.
func sentence(body string) string {
	var sum byte
	for i := range len(body) {
		sum ^= body[i]
	}
	return fmt.Sprintf("$%s*%02X\r\n", body, sum)
}

// greetings are what receivers of every make say when they are switched on, and
// what lies between their positions. Made up after the makers' manuals.
func greetings() string {
	bodies := []string{
		"GPTXT,DEFAULT PVT CONFIGURATION", "GPTXT", "GPTXT,", "GPTXT,,", "GPALC",
		"GPTXT,01,01,02,u-blox ag - www.u-blox.com", "GNTXT,01,01,01,More than 100 frame errors, UART RX was disabled",
		"PMTK011,MTKGPS", "PMTK010,001", "PMTK705,AXN_2.31,5632,PA6H,1.0", "PUBX,00,081350.00,4717.113210,N,00833.915187,E,546.589,G3,2.1,2.0,0.007,77.52,0.007,,0.92,1.19,0.77,9,0,0",
		"PSTMVER,GNSSLIB_8.3.2.2_ARM", "PSTMINITGPSOK", "PSTMCPU,42.94,-1,98", "PGRMT,GPS 18x-5Hz 3.30,P,P,R,R,P,,27,R", "PGRME,15.0,M,22.5,M,15.0,M", "PGRMZ,246,f,3",
		"PSRF150,1", "PSRFTXT,Version:GSW3.2.4", "PASHR,POS,0,10,141912.00,3722.3891,N,12159.8552,W,00070.2,,000.0,000.1,00.0,02.1,01.1,01.8,01.5",
		"PQTMVERNO,LC29HDANR11A03S,2022/08/31", "PAIR001,066,0", "PDTINFO,GP1000", "PTNLRID,33,1.07", "PMGNST,05.15,3,T,872,08.2,-00078,00", "PFEC,GPint,RMC01",
		"GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1", "GPGSV,2,1,08,01,40,083,46,02,17,308,41,12,07,344,39,14,22,228,45", "GLGSV,1,1,00", "GNGNS,122310.0,,,,,NNNN,00,99.0,,,,V",
		"GPVTG,,T,,M,0.00,N,0.00,K,N", "GPZDA,,,,,,", "GPGLL,,,,,,V,N", "GPGST,,,,,,,,", "GPGBS,,,,,,,", "GPDTM,W84,,0.0,N,0.0,E,0.0,W84", "GPRMC,,V,,,,,,,,,,N", "GPGGA,,,,,,0,,,,,,,,",
		"GPROT,35.6,A", "HEHDT,123.4,T", "GPTHS,77.52,E", "GPHDG,98.3,0.0,E,12.6,W", "AIVDM,1,1,,A,13aEOK?P00PD2wVMdLDRhgvL289?,0", "GPRTE,2,1,c,0,W3IWI", "GPWPL,4917.16,N,12310.64,W,003", "GPBOD,,T,,M,,",
		"GPXTE,A,A,0.67,L,N", "GPRMB,A,0.66,L,003,004,4917.24,N,12309.57,W,001.3,052.5,000.5,V", "GPMSS,55,27,318.0,100,", "GPAAM,A,A,0.10,N,WPTNME", "GPDPT,0.5,0.5,", "GPDBT,0.3,f,0.1,M,0.0,F", "GPVHW,,T,,M,,N,,K",
		"GPMWV,,R,,N,V", "GPMTW,17.9,C", "GPXDR,A,,D,", "GPVDR", "GPOSD,35.1,A,36.0,P,10.2,15.3,P,41.6,0.1,K", "GPRPM", "GPRSA,,A,,A", "GPTLL", "GPTTM", "GPVBW", "GPVLW,,N,,N", "GPVPW", "GPVSD", "GPWCV", "GPWNC", "GPMDA", "GPMHU", "GPMTA", "GPACK", "GPALF", "GPALR", "GPARC", "GPDOR", "GPDSC", "GPDSE", "GPDOU", "GPEVE", "GPFIR", "GPBBM", "GPBEC", "GPBWC", "GPBWR", "GPBWW", "GPHSC", "GPLCD", "GPTRF", "GPSTN", "GPTDS", "GPTFI", "GPTPC", "GPTPR", "GPTPT", "GPZFO", "GPZTG",
	}
	var all strings.Builder
	for _, b := range bodies {
		all.WriteString(sentence(b))
	}
	all.WriteString("$GPTXT,DEFAULT PVT CONFIGURATION*2A\r\n$GPTXT*4F\r\n$GPTXT,*63\r\n$GPTXT,,*4F\r\n$GPALC*59\r\n")
	return all.String()
}

// otherProtocols is what receivers say that were not told to speak NMEA: UBX, SiRF,
// RTCM 3 and SBF, in the middle of sentences too.
func otherProtocols() string {
	return "\xb5\x62\x01\x07\x5c\x00" + strings.Repeat("\x00\x24\x0a", 30) + "\xb5\x62\x0a\x04\xa0\x00ROM CORE 3.01 (107888)\x00" +
		"\xa0\xa2\x00\x12\x02\xff\xd6\x00\x00\xb0\xb3" + "\xd3\x00\x13\x3e\xd0\x00\x03" + "$@\x53\x42\x00\x0a$GPRMC\x00,\x00" + strings.Repeat("$", 600) + "\r\n"
}
