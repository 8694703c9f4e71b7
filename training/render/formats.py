"""Colours and words of each issuer's plates; their serial formats come from the table that the program decides texts by.

In a pattern L is a letter, D a digit (N a digit 1-9), [XYZ] one of these, "_" a gap, "-" a dash, "." a dot, "*" a picture between the groups, "#" two round
seals, "%" a small tag, "&" a sign as high as the characters (a wheelchair, a heart), "/" where the second line begins, "{LL}" small letters stacked one above
the other (which are not part of the read text), a lower-case letter itself. Colours are names of palettes in paint.py.
"""
from typing import Any

from . import table

# state: (name, slogan, ink colours, grounds), and patterns behind them (below)
US: dict[str, Any] = {
    "AL": ("Alabama", "Heart of Dixie|Sweet Home|Stars Fell On", "red blue navy", "white sky sunset"),
    "AK": ("ALASKA", "The Last Frontier", "navy blue black", "yellow white gold"),
    "AZ": ("ARIZONA", "GRAND CANYON STATE", "green navy white", "sunset purple white maroon"),
    "AR": ("Arkansas", "The Natural State", "black red navy", "white sky"),
    "CA": ("California", "|dmv.ca.gov|The Golden State", "navy blue yellow", "white white white black"),
    "CO": ("COLORADO", "", "green white black", "mountain green white"),
    "CT": ("Connecticut", "Constitution State", "navy black white", "bluefade white navy"),
    "DE": ("DELAWARE", "THE FIRST STATE", "gold yellow", "navy blue"),
    "DC": ("WASHINGTON, DC", "TAXATION WITHOUT REPRESENTATION", "blue navy", "white"),
    "FL": ("FLORIDA|MYFLORIDA.COM", "SUNSHINE STATE|IN GOD WE TRUST|@", "green darkgreen", "white orange sky"),
    "GA": ("GEORGIA", "@|IN GOD WE TRUST|PEACH STATE", "black navy", "white sunset mountain"),
    "HI": ("HAWAII", "ALOHA STATE", "black navy", "white rainbow"),
    "ID": ("IDAHO", "FAMOUS POTATOES", "black navy", "redfade sky"),
    "IL": ("Illinois", "Land of Lincoln", "red maroon navy", "white sky"),
    "IN": ("INDIANA", "@|Lincoln's Boyhood Home", "navy black blue", "bluefade white yellow"),
    "IA": ("IOWA", "@", "black navy", "skyline white"),
    "KS": ("KANSAS", "@", "navy black", "bluefade white"),
    "KY": ("Kentucky", "@|Unbridled Spirit|Bluegrass State", "navy blue black", "sky white mountain"),
    "LA": ("Louisiana", "Sportsman's Paradise", "navy red black", "white sunset"),
    "ME": ("MAINE", "Vacationland", "black navy", "white picture"),
    "MD": ("Maryland", "", "black red", "white stripes"),
    "MA": ("Massachusetts", "The Spirit of America", "red", "white"),
    "MI": ("MICHIGAN", "www.michigan.gov|PURE MICHIGAN|GREAT LAKES", "navy white", "white blue bars"),
    "MN": ("Minnesota", "10,000 lakes", "navy black", "bluefade skyline"),
    "MS": ("MISSISSIPPI", "@", "navy black green", "bluefade white"),
    "MO": ("MISSOURI", "SHOW-ME STATE|BICENTENNIAL", "navy black blue", "bluefade white"),
    "MT": ("MONTANA", "Big Sky Country|TREASURE STATE", "white navy black", "blue navy skyline"),
    "NE": ("Nebraska", "", "red navy black", "sunset bluefade white"),
    "NV": ("NEVADA", "THE SILVER STATE|HOME MEANS NEVADA", "navy blue black", "mountain sunset sky"),
    "NH": ("NEW HAMPSHIRE", "LIVE FREE OR DIE", "darkgreen green", "greenfade white"),
    "NJ": ("New Jersey", "Garden State", "black", "yellowfade yellow"),
    "NM": ("NEW MEXICO USA|New Mexico", "Land of Enchantment", "red yellow", "yellow turquoise"),
    "NY": ("NEW YORK", "EMPIRE STATE|EXCELSIOR|@|T&LC", "navy black", "empire empire orange white excelsior excelsior bars"),
    "NC": ("NORTH CAROLINA|First in Flight", "First in Flight|NORTH CAROLINA", "blue red navy", "white"),
    "ND": ("NORTH DAKOTA", "PEACE GARDEN STATE|Discover the Spirit|Legendary", "black navy", "skyline sunset white"),
    "OH": ("OHIO", "BIRTHPLACE OF AVIATION|BEAUTIFUL OHIO", "navy blue red", "white bluefade sunset"),
    "OK": ("OKLAHOMA", "NATIVE AMERICA|Explore|OK!", "green black navy", "white bluefade"),
    "OR": ("Oregon", "", "navy black", "mountain sky"),
    "PA": ("PENNSYLVANIA", "visitPA.com|LET FREEDOM RING|www.state.pa.us", "navy blue yellow", "bars barsyellow white"),
    "RI": ("Rhode Island", "Ocean State|Beautiful", "navy blue black", "white wave"),
    "SC": ("South Carolina", "TRAVEL2SC.COM|Smiling Faces|While I Breathe, I Hope", "black navy", "sunset white bluefade"),
    "SD": ("South Dakota", "Great Faces. Great Places.", "red navy black", "sky sunset white"),
    "TN": ("Tennessee", "@|The Volunteer State|TNVACATION.COM", "navy black", "mountain white bluefade"),
    "TX": ("TEXAS", "The Lone Star State", "black navy", "white skyline"),
    "UT": ("UTAH", "LIFE ELEVATED|GREATEST SNOW ON EARTH|IN GOD WE TRUST", "navy black blue", "arch mountain sky"),
    "VT": ("VERMONT", "Green Mountain State", "white", "green darkgreen"),
    "VA": ("VIRGINIA", "VIRGINIA IS FOR LOVERS|400th Anniversary|1607", "navy blue", "white bluefade"),
    "WA": ("WASHINGTON", "EVERGREEN STATE", "navy blue", "mountain white"),
    "WV": ("West Virginia", "Wild, Wonderful", "navy blue black", "bars white"),
    "WI": ("WISCONSIN", "America's Dairyland", "black navy red", "white sky"),
    "WY": ("WYOMING", "FOREVER WEST|Like No Place on Earth", "black navy", "skyline white mountain"),
    "PR": ("PUERTO RICO", "Isla Del Encanto", "black navy green", "white sunset"),
    "GU": ("GUAM USA", "TANO Y CHAMORRO|HAFA ADAI", "navy black", "white sky"),
    "VI": ("US VIRGIN ISLANDS", "America's Caribbean|AMERICAN PARADISE", "navy black", "sky white"),
    "AS": ("AMERICAN SAMOA", "MOTU O FIAFIAGA", "navy blue", "white sky"),
    "MP": ("CNMI USA", "HAFA ADAI", "blue navy", "white sky"),
}

CANADA: dict[str, Any] = {
    "ON": ("ONTARIO", "YOURS TO DISCOVER", "blue navy", "white"),
    "QC": ("Québec", "Je me souviens", "navy blue", "white"),
    "BC": ("British Columbia", "BEAUTIFUL", "navy blue", "white wave"),
    "AB": ("Alberta", "Wild Rose Country", "red", "white mountain"),
    "MB": ("MANITOBA", "Friendly", "navy black", "bluefade white skyline"),
    "SK": ("Saskatchewan", "Land of Living Skies", "green darkgreen", "white"),
    "NS": ("NOVA SCOTIA", "CANADA'S OCEAN PLAYGROUND", "navy blue", "white sky"),
    "NB": ("New Brunswick", "Nouveau", "red black", "white"),
    "NL": ("Newfoundland & Labrador", "", "navy red", "white"),
    "PE": ("Prince Edward Island", "Birthplace of Confederation", "green navy", "white sky"),
    "YT": ("Yukon", "The Klondike", "red black", "white"),
    "NT": ("NORTHWEST TERRITORIES", "SPECTACULAR", "navy", "white sky"),
}

# country: (band, ink, grounds, typeface roles), and patterns; band: eu, eu2 (both ends), none, redwhite, top
EUROPE: dict[str, Any] = {
    "DE": ("eu", "black", "white", "fe"),
    "PL": ("eu", "black", "white white white white old", "road din plain"),
    "RO": ("eu", "black", "white", "din road plain"),
    "NL": ("eu", "black", "yellow yellow yellow amber", "plain road sans din"),
    "FR": ("eu2", "black", "white white yellow", "din sans road plain"),
    "IT": ("eu2", "black", "white", "din road plain"),
    "ES": ("eu", "black", "white", "din road plain sans"),
    "PT": ("eu", "black", "white", "din road plain"),
    "CZ": ("eu", "black", "white", "din road plain"),
    "SK": ("eu", "black", "white", "din road plain"),
    "AT": ("at", "black", "white", "din road sans"),
    "BE": ("eu", "red maroon", "white", "din plain road sans"),
    "LU": ("eu", "black", "yellow", "sans din plain"),
    "SE": ("eu", "black", "white", "din road tratex sans"),
    "DK": ("eu", "black", "white", "din sans plain"),
    "FI": ("eu", "black", "white", "din road sans"),
    "NO": ("no", "black", "white", "road din tratex sans"),
    "HU": ("eu", "black", "white", "din road plain"),
    "BG": ("eu", "black", "white", "din road plain"),
    "HR": ("eu", "black", "white", "din road plain"),
    "SI": ("eu", "black", "white", "din road plain"),
    "LT": ("eu", "black", "white", "din road plain"),
    "LV": ("eu", "black", "white", "din road plain"),
    "EE": ("eu", "black", "white", "din road plain"),
    "IE": ("eu", "black", "white", "din sans plain road"),
    "GR": ("eu", "black", "white", "din road sans"),
    "CY": ("eu", "black", "white yellow", "din uk"),
    "MT": ("eu", "black", "white", "din road plain"),
    "CH": ("none", "black", "white", "sans din tratex road"),
    "GB": ("gb", "black", "white yellow", "uk"),
    "UA": ("ua", "black", "white", "road din plain"),
    "RS": ("eu", "black", "white", "din road plain"),
    "TR": ("eu", "black", "white", "din sans road"),
    "BA": ("eu", "black", "white", "din road plain"),
}
EUROPE_COUNTRY = {"DE": "D", "IT": "I", "FR": "F", "ES": "E", "PT": "P", "AT": "A", "BE": "B", "LU": "L", "SE": "S", "FI": "FIN",
                  "NO": "N", "HU": "H", "SI": "SLO", "EE": "EST", "IE": "IRL", "MT": "M", "RS": "SRB", "BA": "BIH"}

# The lines of plates for motorcycles, trailers and boots, "/" between them; others break at the gap nearest to their middle.
TWO_LINES = {
    "IT": "LL/DDDDD LL/DDDDD LL/DDD_LL", "FR": "LL/DDD-LL LL/DDDLL LL-DDD/LL DDDD/LL_DD", "CH": "LL/DDDDDD LL/DDDDD LL/DDD_DDD zh/DDDDDD be/DDDDDD",
    "DE": "LL/LL_DD L/LL_DDD LL#/LL_DD LLL/L_DDD LL/L_DDDD L#/L_DDDD LLL#/LL_DD", "SE": "LLL/DDD LLL/DDL", "NL": "LL/LLDD LL-LL/DD LL/DD-DD LL-DD/LL LL/DDD-L",
    "ES": "DDDD/LLL LDDDD/LL", "PT": "DD-DD/LL LL-DD/LL LL/DD-LL", "AT": "L/DDDLL LL/DDDLL LL*/DDDL", "PL": "LLL/DDDD LL/DDDD LL/DDDDL LLL/DDLL LL/DDDDD",
    "CZ": "DL/DDDD DLL/DDDD", "RO": "b/DDD_LLL LL/DD_LLL LL_DD/LLL", "HU": "LLL/DDD", "BE": "D-LLL/DDD LLL/DDD M-LLL/DDD", "DK": "LL/DD_DDD LL/DDDDD", "NO": "LL/DDDD LL/DDDDD",
    "GB": "LLDD/LLL LDDD/LLL LLLD/DDL", "GR": "LLL/DDD LLL/DDDD", "FI": "LL/DDD LLL/DDD", "SK": "LL/DDDLL LL/DDD_LL", "BG": "L/DDDD_LL LL/DDDD_LL", "HR": "LL/DDD-LL LL/DDDD-LL",
    "UA": "LL/DDDD_LL DD/DD_LL", "TR": "DD/LL_DDDD DD_LL/DDDD DD/LLL_DDD", "BR": "LLL/DDDD", "BR2": "LLL/DLDD", "AR": "LDDD/LLL DDD/LLL LL_DDD/LL", "IN": "LL_DD/LL_DDDD LL_DD_LL/DDDD LL_DD_L/DDDD",
}

# country: (look, ink, grounds, typeface roles), and patterns
WORLD: dict[str, Any] = {
    "BR": ("br", "black red white", "grey grey grey red", "uk uk din plain sans road"),
    "BR2": ("mercosul", "black black black red blue", "white", "fe"),
    "AR": ("mercosul", "black", "white", "fe din"),
    "MX": ("us", "black green navy red", "white bluefade sunset", "us sans din"),
    "IN": ("plain", "black", "white white yellow", "din sans plain road"),
    "IL": ("eu", "black", "yellow", "din us sans"),
    "AU": ("plain", "black navy blue green", "white yellow", "us din sans"),
    "ZA": ("plain", "black navy green", "white", "din us sans"),
    "JP": ("plain", "green", "white", "us sans"),
}

LETTERS = table.letters()
LETTERS["BR2"] = LETTERS["BR"]

for _plates, _prefix in ((US, "US-"), (CANADA, "CA-"), (EUROPE, ""), (WORLD, "")):
    for _key in _plates:
        _kinds = {"BR": ("old",), "BR2": ("Mercosur",)}.get(_key)  # of one issuer, in two looks
        _plates[_key] += (table.patterns("BR" if _key == "BR2" else _prefix + _key, _kinds),)
