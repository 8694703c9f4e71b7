// Package simulation drives made-up traffic past a made-up list, with a reader that
// errs as the real one was measured to, and counts alerts that are wrong and
// alerts that are missed at each threshold. An agency chooses its thresholds by
// it (alpr hotlist curve), and a new reader is measured for it (alpr hotlist
// measure).
package simulation
