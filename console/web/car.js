// The listed vehicle as a drawing: its kind and colour, to hold against the car
// ahead. It is no picture of that car, and says so to a screen reader.

import { h } from './dom.js';
import { t } from './words.js';

const WHEELS = { two: [[30, 52], [92, 52]], truck: [[24, 52], [88, 52], [104, 52]], cycle: [[36, 48], [88, 48]] };
// Side views, 124 by 62, the front to the right.
const BODIES = {
  sedan: ['M6 50 V40 Q7 34 20 32 L34 31 Q44 17 58 17 H72 Q84 17 94 31 L110 34 Q119 36 119 44 V50 Z', 'M41 30 Q48 21 58 21 H62 V30 Z M66 21 H72 Q80 21 87 30 H66 Z', 'two'],
  coupe: ['M6 50 V41 Q8 36 24 34 L38 31 Q52 18 66 18 Q80 18 92 31 L110 35 Q119 37 119 44 V50 Z', 'M46 30 Q56 22 66 22 Q77 22 85 30 Z', 'two'],
  hatchback: ['M8 50 V36 L20 19 Q22 16 30 16 H66 Q80 16 92 31 L110 35 Q119 37 119 44 V50 Z', 'M22 30 L28 20 H46 V30 Z M51 20 H66 Q76 20 84 30 H51 Z', 'two'],
  wagon: ['M6 50 V30 L12 17 Q13 15 18 15 H68 Q82 15 94 30 L110 34 Q119 36 119 44 V50 Z', 'M13 29 L18 19 H38 V29 Z M42 19 H60 V29 H42 Z M64 19 H69 Q79 19 87 29 H64 Z', 'two'],
  suv: ['M6 50 V26 L11 12 Q12 10 17 10 H72 Q80 10 92 27 L112 30 Q119 32 119 42 V50 Z', 'M12 26 L16 14 H38 V26 Z M42 14 H60 V26 H42 Z M64 14 H71 Q76 14 85 26 H64 Z', 'two'],
  pickup: ['M4 50 V30 H50 L52 14 Q53 11 58 11 H76 Q82 11 92 28 L112 31 Q119 33 119 42 V50 Z', 'M56 27 L58 15 H68 V27 Z M72 15 H76 Q80 15 86 27 H72 Z', 'two'],
  van: ['M5 50 V14 Q5 8 12 8 H84 Q92 8 104 28 L114 32 Q119 34 119 42 V50 Z', 'M78 13 H84 Q89 13 97 28 H78 Z', 'two'],
  truck: ['M3 46 V4 H78 V46 H82 V14 H100 Q106 14 110 26 L119 30 V50 H3 Z', 'M87 18 H98 Q102 18 105 27 H87 Z', 'truck'],
  bus: ['M4 50 V12 Q4 7 10 7 H112 Q119 7 119 16 V50 Z', 'M10 12 H30 V26 H10 Z M34 12 H54 V26 H34 Z M58 12 H78 V26 H58 Z M82 12 H98 V26 H82 Z M102 12 H115 V30 H102 Z', 'two'],
  motorcycle: ['M34 40 L50 26 H66 L74 20 H84 L80 26 L90 44 L84 46 L74 34 L64 46 H48 Z', '', 'cycle'],
  trailer: ['M3 46 V10 H104 V46 Z M104 42 H121 V45 H104 Z', '', 'two'],
};

// silhouette draws {kind, colour, second, words}; a vehicle whose colour is not
// listed is an outline.
export function silhouette(car) {
  const [body, glass, wheels] = BODIES[car?.kind] ?? BODIES.sedan;
  const isKnown = Boolean(BODIES[car?.kind]);
  if (!isKnown && !car?.colour) return '';
  const at = WHEELS[wheels];
  return h('svg.silhouette', { viewBox: '0 0 124 62', role: 'img', 'aria-label': t('Drawing, no picture: {vehicle}', { vehicle: car.words }) },
    h('path', { d: body, fill: car.colour || 'none', class: 'car-body' + (isKnown ? '' : ' any') }),
    car.second && h('path', { d: body, fill: car.second, class: 'car-second' }),
    h('path', { d: glass, class: 'car-glass' }),
    at.map(([x, y]) => h('circle', { cx: x, cy: y, r: wheels === 'cycle' ? 12 : 9, class: 'car-wheel' })));
}
