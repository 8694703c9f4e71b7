"""Serial formats, colours and words of each issuer.

In a pattern L is a letter, D a digit (N a digit 1-9), a blank a gap, "-" a dash, "." a dot, "*" a picture between the
groups, "#" two round seals, "%" a small tag, "&" a sign as high as the characters (a wheelchair, a heart), "/" where the second line begins, "{LL}" small letters stacked one above the other (which are not part of the read text), anything else stands
for itself: lower-case letters are letters that never vary. Colours are names of palettes in paint.py.
"""

# state: (name, slogan, ink colours, grounds, patterns)
US = {
    "AL": ("Alabama", "Heart of Dixie|Sweet Home|Stars Fell On", "red blue navy", "white sky sunset", "DLDDDDD DLDDDDL DDLDDLD DLDDLDD DDLDDDD LLLDDD"),
    "AK": ("ALASKA", "The Last Frontier", "navy blue black", "yellow white gold", "LLL*DDD LLL_DDD"),
    "AZ": ("ARIZONA", "GRAND CANYON STATE", "green navy white", "sunset purple white maroon", "LLLDDDD DDD_LLL LLL-DDD LDDDDL DLLDDDD"),
    "AR": ("Arkansas", "The Natural State", "black red navy", "white sky", "DDD_LLL LLL_DDL LLL_DDD"),
    "CA": ("California", "|dmv.ca.gov|The Golden State", "navy blue yellow", "white white white black", "DLLLDDD DLLLDDD DLDDDDD DDLDDDD LLL_DDD DDDLLL"),
    "CO": ("COLORADO", "", "green white black", "mountain green white", "DDD-LLL LLL-DDD LLL-LDD LLL.DDD DDD.LLL"),
    "CT": ("Connecticut", "Constitution State", "navy black white", "bluefade white navy", "DDD.LLL LL.DDDDD DDDLLL LLL-DDD"),
    "DE": ("DELAWARE", "THE FIRST STATE", "gold yellow", "navy blue", "DDDDDD DDDDD DDDDDDD DDD_DDD {LL}DDDDDD {L}DDDDD {LL}DDDDD"),
    "DC": ("WASHINGTON, DC", "TAXATION WITHOUT REPRESENTATION", "blue navy", "white", "LL-DDDD LL*DDDD LL_DDDD"),
    "FL": ("FLORIDA|MYFLORIDA.COM", "SUNSHINE STATE|IN GOD WE TRUST|@", "green darkgreen", "white orange sky", "LLL*LDD LLL*LDD LLL*LDD LLL*LDD LLL*LDD DDD*LLL DDD*LLL DDD*LLL LDD*DLL LDD*DLL DDD*DLL DDD*DLL LLL*DDL DDL*LLL LLD*DLL LLDD*LL DDLL*LL"),
    "GA": ("GEORGIA", "@|IN GOD WE TRUST|PEACH STATE", "black navy", "white sunset mountain", "LLL_DDDD LLL*DDDD LLLDDDD DDD_LLL"),
    "HI": ("HAWAII", "ALOHA STATE", "black navy", "white rainbow", "LLL_DDD LLL*DDD"),
    "ID": ("IDAHO", "FAMOUS POTATOES", "black navy", "redfade sky", "DL_DDDDD DL_LDDDD NL_DDDDDL L_DDDDDD {DL}DDDD {DL}_DDDDD {L}_DD_DDD {DL}_LDDDD"),
    "IL": ("Illinois", "Land of Lincoln", "red maroon navy", "white sky", "LL_DDDDD LDD_DDDD DDD_DDDD LLLDDDD"),
    "IN": ("INDIANA", "@|Lincoln's Boyhood Home", "navy black blue", "bluefade white yellow", "DDD_LLL DDDLLL LLL_DDD DDLDDDD DDDL"),
    "IA": ("IOWA", "@", "black navy", "skyline white", "LLL_DDD DDD_LLL"),
    "KS": ("KANSAS", "@", "navy black", "bluefade white", "DDD_LLL LLL_DDD DDDD_LLL"),
    "KY": ("Kentucky", "@|Unbridled Spirit|Bluegrass State", "navy blue black", "sky white mountain", "LLL_DDD DDD_LLL DDD-LLL"),
    "LA": ("Louisiana", "Sportsman's Paradise", "navy red black", "white sunset", "LLL_DDD LLL*DDD DDD_LLL LDDDDDD"),
    "ME": ("MAINE", "Vacationland", "black navy", "white picture", "DDDD_LL DDD_LLL DDDDDD"),
    "MD": ("Maryland", "", "black red", "white stripes", "LLL*DDD NLLDDDD DLL_DDDD LLLDDD LLL_DDD *{LLL}DDDD *DDDD{LL} {LL}DDDD"),
    "MA": ("Massachusetts", "The Spirit of America", "red", "white", "DDD_LLD DLL_DDD DDDL_LD DDDD_LL LLL_DDD {LL}DDDD *{LL}DDDD *{LL}DDLL {LL}DDLL *{LL}DDL DDLL_DD"),
    "MI": ("MICHIGAN", "www.michigan.gov|PURE MICHIGAN|GREAT LAKES", "navy white", "white blue bars", "LLL_DDDD DLLLDD LLL_DDD DDD_LLL *DDDDD *{LL}DDDD *LLLDD"),
    "MN": ("Minnesota", "10,000 lakes", "navy black", "bluefade skyline", "LLL*DDD LLL-DDD DDD*LLL DDD-LLL *DDDD{LL} *DDDDLL *LDDDD"),
    "MS": ("MISSISSIPPI", "@", "navy black green", "bluefade white", "LLL_DDD LLL*DDDD LLL_DDDD DDD_LLL"),
    "MO": ("MISSOURI", "SHOW-ME STATE|BICENTENNIAL", "navy black blue", "bluefade white", "LLD*LDL DDD_LLL LLD_LDL"),
    "MT": ("MONTANA", "Big Sky Country|TREASURE STATE", "white navy black", "blue navy skyline", "DDDDDDL N-DDDDDL LLLDDD N-LDDDD LLL_DDD"),
    "NE": ("Nebraska", "", "red navy black", "sunset bluefade white", "LLL_DDD DD-LDDD N-LDDDD LLL-DDDD"),
    "NV": ("NEVADA", "THE SILVER STATE|HOME MEANS NEVADA", "navy blue black", "mountain sunset sky", "DDD-LLL DDLDDD LLL_DDD DDD.LDD LLL-DDD"),
    "NH": ("NEW HAMPSHIRE", "LIVE FREE OR DIE", "darkgreen green", "greenfade white", "DDD_DDDD DDDDDDD LLL_DDD"),
    "NJ": ("New Jersey", "Garden State", "black", "yellowfade yellow", "LDD-LLL LLL-DDL LLL*DDL LDD*LLL *DDDD{LL} *{LL}DDDD *DDDDL ND*DL *{LL}_DDD"),
    "NM": ("NEW MEXICO USA|New Mexico", "Land of Enchantment", "red yellow", "yellow turquoise", "LLL-DDD DDD*LLL LLLLDD DDD_LLL"),
    "NY": ("NEW YORK", "EMPIRE STATE|EXCELSIOR", "navy black", "orange white bars", "LLL-DDDD LLL*DDDD LLL-DDDD LLL_DDD DDD_LLL tDDDDDDc tDDDDDDc DDDDD-LL LDDDDDL"),
    "NC": ("NORTH CAROLINA|First in Flight", "First in Flight|NORTH CAROLINA", "blue red navy", "white", "LLL-DDDD LLL_DDDD LLL-DDD *DDDD{LL} *{LL}DDDD *LDDDD *DDDD_{LL} {LL}DDDD LLLDDDDD"),
    "ND": ("NORTH DAKOTA", "PEACE GARDEN STATE|Discover the Spirit|Legendary", "black navy", "skyline sunset white", "DDD_LLL LLL_DDD"),
    "OH": ("OHIO", "BIRTHPLACE OF AVIATION|BEAUTIFUL OHIO", "navy blue red", "white bluefade sunset", "LLL_DDDD LLLDDDD DDD_LLL"),
    "OK": ("OKLAHOMA", "NATIVE AMERICA|Explore|OK!", "green black navy", "white bluefade", "DDD_LLL LLL-DDD DDD*LLL LLL*DDD"),
    "OR": ("Oregon", "", "navy black", "mountain sky", "DDD_LLL LLL*DDD DDD*LLL LLL_DDD {LL}_DDDDD {LL}DD*DDD {LL}_DDDD"),
    "PA": ("PENNSYLVANIA", "visitPA.com|LET FREEDOM RING|www.state.pa.us", "navy blue yellow", "bars barsyellow white", "LLL*DDDD LLL-DDDD LLL_DDDD LLLDDDD"),
    "RI": ("Rhode Island", "Ocean State|Beautiful", "navy blue black", "white wave", "LL-DDD DDD-DDD DDDDDD DD-DDD DDDDD"),
    "SC": ("South Carolina", "TRAVEL2SC.COM|Smiling Faces|While I Breathe, I Hope", "black navy", "sunset white bluefade", "LLL*DDD DDD*LLL LLL_DDD DDDD_LL"),
    "SD": ("South Dakota", "Great Faces. Great Places.", "red navy black", "sky sunset white", "NLL_DDD DDL_DDD NL_DDDD DLL_DDD"),
    "TN": ("Tennessee", "@|The Volunteer State|TNVACATION.COM", "navy black", "mountain white bluefade", "LDD-DDL DDD-LLL LLL_DDDD DDD_LLL LLL*DDDD"),
    "TX": ("TEXAS", "The Lone Star State", "black navy", "white skyline", "LLL-DDDD LLD-LDDD LLL*DDDD LLD*LDDD LDD_LLL LLL_DDL DDL_DLL"),
    "UT": ("UTAH", "LIFE ELEVATED|GREATEST SNOW ON EARTH|IN GOD WE TRUST", "navy black blue", "arch mountain sky", "LDD_DLL DDD_LLL LDD*DLL LDDDLL LDD_NLL"),
    "VT": ("VERMONT", "Green Mountain State", "white", "green darkgreen", "LLL_DDD DDDD DDDDD LLL.DDD DLDDD *DDDD *DDDDD {LL}DDDD"),
    "VA": ("VIRGINIA", "VIRGINIA IS FOR LOVERS|400th Anniversary|1607", "navy blue", "white bluefade", "LLL-DDDD LLL_DDDD DDDDLL DDDDDL *DDDDLL *DDDDDD *{LL}DDDD LDDDDD"),
    "WA": ("WASHINGTON", "EVERGREEN STATE", "navy blue", "mountain white", "LLLDDDD DDD-LLL LDDDDDL DDDLLL LLL_DDDD"),
    "WV": ("West Virginia", "Wild, Wonderful", "navy blue black", "bars white", "NLL_DDD DLD_DDD DDD_LLL"),
    "WI": ("WISCONSIN", "America's Dairyland", "black navy red", "white sky", "DDD-LLL LLL-DDDD LLL_DDDD"),
    "WY": ("WYOMING", "FOREVER WEST|Like No Place on Earth", "black navy", "skyline white mountain", "N*DDDDD DD*DDDD N*DDDL DD-DDDL N*DDDD{LL} N*DDD{LL} {DD}*DDDL {DD}*DDD{LL} {DD}*DDLL NN*DDDDD"),
    "PR": ("PUERTO RICO", "Isla Del Encanto", "black navy green", "white sunset", "LLL-DDD LLL_DDD"),
    "GU": ("GUAM USA", "TANO Y CHAMORRO|HAFA ADAI", "navy black", "white sky", "LL_DDDD LLL*DDD LL-DDDD"),
    "VI": ("US VIRGIN ISLANDS", "America's Caribbean|AMERICAN PARADISE", "navy black", "sky white", "LLL_DDD TDD_DDD CLL_DDD"),
    "AS": ("AMERICAN SAMOA", "MOTU O FIAFIAGA", "navy blue", "white sky", "DDDD LDDD"),
    "MP": ("CNMI USA", "HAFA ADAI", "blue navy", "white sky", "LLL_DDD LLL*DDD"),
}

CANADA = {
    "ON": ("ONTARIO", "YOURS TO DISCOVER", "blue navy", "white", "LLLL*DDD LLL*DDD LL_DDDDD"),
    "QC": ("Québec", "Je me souviens", "navy blue", "white", "LDD_LLL LLL_DDD DDD_LLL"),
    "BC": ("British Columbia", "BEAUTIFUL", "navy blue", "white wave", "LLL_DDD LLD_DDL LL*DDDL"),
    "AB": ("Alberta", "Wild Rose Country", "red", "white mountain", "LLL-DDDD LLL-DDD"),
    "MB": ("MANITOBA", "Friendly", "navy black", "bluefade white skyline", "LLL_DDD"),
    "SK": ("Saskatchewan", "Land of Living Skies", "green darkgreen", "white", "DDD_LLL"),
    "NS": ("NOVA SCOTIA", "CANADA'S OCEAN PLAYGROUND", "navy blue", "white sky", "LLL_DDD"),
    "NB": ("New Brunswick", "Nouveau", "red black", "white", "LLL_DDD"),
    "NL": ("Newfoundland & Labrador", "", "navy red", "white", "LLL_DDD"),
    "PE": ("Prince Edward Island", "Birthplace of Confederation", "green navy", "white sky", "DDD_LL DDLLD"),
    "YT": ("Yukon", "The Klondike", "red black", "white", "LLL_DD"),
    "NT": ("NORTHWEST TERRITORIES", "SPECTACULAR", "navy", "white sky", "DDDDDD"),
}

# country: (band, ink, grounds, typeface roles, patterns); band: eu, eu2 (both ends), none, redwhite, top
EUROPE = {
    "DE": ("eu", "black", "white", "fe", "L#LL_DDDD LL#L_DDDD LL#LL_DDD LLL#L_DDD LLL#LL_DDD L#LL_DDD L#L_DDDD LL#LL_DDDD LL#L_DDD L#LL_DD LL#LL_DD LLL#L_DD LL#LL_DDDe"),
    "PL": ("eu", "black", "white white white white old", "road din plain", "LL_DDDDD LL_DDDDL LLL_DDDD LLL_LDDD LLL_DDLL LLL_DLDD LLL_DDLD LLL_LLDD LL_DLDDD LL_DDDLL LL_DDLDD LLL_DDDDD L_DLLLD LL%DDDDD LL%DDDDL LL%DDDLL LLL%DDDDD LLL%LDDD LLL%DDLL LLL%DLDD LLL%LLDD LLL%DDDL LL%DLDDD LL_LDDDD"),
    "RO": ("eu", "black", "white", "din road plain", "LL_DD_LLL b_DDD_LLL b_DD_LLL b.DDD_LLL b.DD_LLL b%DD_LLL LL.DD_LLL LL%DD_LLL b_DDD_LLL LL_DD_LLL"),
    "NL": ("eu", "black", "yellow yellow yellow amber", "plain road sans din", "LL-DD-DD DD-LL-DD DD-DD-LL LL-LL-DD DD-LL-LL LL-DD-LL DD-LLL-D D-LLL-DD LL-DDD-L L-DDD-LL LLL-DD-L D-LL-DDD"),
    "FR": ("eu2", "black", "white white yellow", "din sans road plain", "LL-DDD-LL LL-DDD-LL LL-DDD-LL DDDD_LL_DD DDD_LLL_DD"),
    "IT": ("eu2", "black", "white", "din road plain", "LL_DDDLL LL_DDD_LL"),
    "ES": ("eu", "black", "white", "din road plain sans", "DDDD_LLL DDDD_LLL LDDDD_LL LLDDDD_LL"),
    "PT": ("eu", "black", "white", "din road plain", "DD-DD-LL DD-LL-DD LL-DD-DD LL_DD_LL LL-DD-LL"),
    "CZ": ("eu", "black", "white", "din road plain", "DLD_DDDD DL_DDDDD DLL_DDDD"),
    "SK": ("eu", "black", "white", "din road plain", "LL-DDDLL LL*DDDLL LL_DDDLL"),
    "AT": ("at", "black", "white", "din road sans", "L*DDDDDL LL*DDDLL LL*DDDL LL_DDDDL L_DDDDDL LL*DLLL"),
    "BE": ("eu", "red maroon", "white", "din plain road sans", "D-LLL-DDD LLL-DDD DDD-LLL"),
    "LU": ("eu", "black", "yellow", "sans din plain", "LL_DDDD DDDDD"),
    "SE": ("eu", "black", "white", "din road tratex sans", "LLL_DDD LLL_DDL LLL*DDD"),
    "DK": ("eu", "black", "white", "din sans plain", "LL_DD_DDD LL_DDDDD"),
    "FI": ("eu", "black", "white", "din road sans", "LLL-DDD"),
    "NO": ("no", "black", "white", "road din tratex sans", "LL_DDDDD"),
    "HU": ("eu", "black", "white", "din road plain", "LLL-DDD LL_LL-DDD"),
    "BG": ("eu", "black", "white", "din road plain", "L_DDDD_LL LL_DDDD_LL"),
    "HR": ("eu", "black", "white", "din road plain", "LL*DDD-LL LL*DDDD-LL LL*DDD-L"),
    "SI": ("eu", "black", "white", "din road plain", "LL*LL-DDD LL*DD-LLL"),
    "LT": ("eu", "black", "white", "din road plain", "LLL*DDD LLL_DDD"),
    "LV": ("eu", "black", "white", "din road plain", "LL-DDDD LL-DDD"),
    "EE": ("eu", "black", "white", "din road plain", "DDD_LLL"),
    "IE": ("eu", "black", "white", "din sans plain road", "DD-L-DDDDD DDD-L-DDDDD DDD-L-DDDD DD-LL-DDDD DDD-LL-DDD DD-L-DDDD"),
    "GR": ("eu", "black", "white", "din road sans", "LLL-DDDD LLL_DDDD"),
    "CY": ("eu", "black", "white yellow", "din uk", "LLL_DDD"),
    "MT": ("eu", "black", "white", "din road plain", "LLL_DDD LLL*DDD"),
    "CH": ("none", "black", "white", "sans din tratex road", "zh_DDDDDD be_DDDDDD LL_DDDDDD LL_DDDDD LL_DDDD LL*DDDDDD"),
    "GB": ("gb", "black", "white yellow", "uk", "LLDD_LLL LLDD_LLL LLDD_LLL LDDD_LLL LLL_DDDL LDD_LLL LLL_DDD DDD_LLL LLL_D LD_LLL LL_DDDD LLDDLLL"),
    "UA": ("ua", "black", "white", "road din plain", "LL_DDDD_LL"),
    "RS": ("eu", "black", "white", "din road plain", "LL*DDD-LL LL*DDDD-LL"),
    "TR": ("eu", "black", "white", "din sans road", "DD_LL_DDDD DD_LLL_DDD DD_LL_DDD DD_LLL_DD DD_L_DDDD"),
    "BA": ("eu", "black", "white", "din road plain", "LDD-L-DDD"),
}
EUROPE_COUNTRY = {"DE": "D", "IT": "I", "FR": "F", "ES": "E", "PT": "P", "AT": "A", "BE": "B", "LU": "L", "SE": "S", "FI": "FIN",
                  "NO": "N", "HU": "H", "SI": "SLO", "EE": "EST", "IE": "IRL", "MT": "M", "RS": "SRB", "BA": "BIH"}

# The letters that an issuer's serials have, where some are left out; a second word holds from the first gap on.
LETTERS = {
    "NL": "BDFGHJKLNPRSTVXZ", "FR": "ABCDEFGHJKLMNPQRSTVWXYZ", "IT": "ABCDEFGHJKLMNPRSTVWXYZ", "GB": "ABCDEFGHJKLMNOPRSTUVWXYZ",
    "PL": "ABCDEFGHIJKLMNOPRSTUVWXYZ ACEFGHJKLMNPRSTUVWXY", "RO": "ABCDEFGHIJKLMNOPRSTUVWXYZ", "ES": "BCDFGHJKLMNPRSTVWXYZ",
    "SE": "ABCDEFGHJKLMNOPRSTUWXYZ", "DK": "ABCDEFGHJKLMNPRSTUVXYZ", "CZ": "ABCEHJKLMNPSTUVXYZ", "TR": "ABCDEFGHIJKLMNOPRSTUVYZ",
    "SK": "ABCDEFGHIJKLMNOPRSTUVXYZ", "BR": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "BR2": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "HR": "ABCDEFGHIJKLMNOPRSTUVZ", "BA": "AEJKMOT", "GR": "ABEZHIKMNOPTYX", "BG": "ABEKMHOPCTYX", "UA": "ABEIKMHOPCTX", "US-FL": "ABCDEFGHIJKLMNPQRSTUVWXYZ",
}

# The lines of plates for motorcycles, trailers and boots, "/" between them; others break at the gap nearest to their middle.
TWO_LINES = {
    "IT": "LL/DDDDD LL/DDDDD LL/DDD_LL", "FR": "LL/DDD-LL LL/DDDLL LL-DDD/LL DDDD/LL_DD", "CH": "LL/DDDDDD LL/DDDDD LL/DDD_DDD zh/DDDDDD be/DDDDDD",
    "DE": "LL/LL_DD L/LL_DDD LL#/LL_DD LLL/L_DDD LL/L_DDDD L#/L_DDDD LLL#/LL_DD", "SE": "LLL/DDD LLL/DDL", "NL": "LL/LLDD LL-LL/DD LL/DD-DD LL-DD/LL LL/DDD-L",
    "ES": "DDDD/LLL LDDDD/LL", "PT": "DD-DD/LL LL-DD/LL LL/DD-LL", "AT": "L/DDDLL LL/DDDLL LL*/DDDL", "PL": "LLL/DDDD LL/DDDD LL/DDDDL LLL/DDLL LL/DDDDD",
    "CZ": "DL/DDDD DLL/DDDD", "RO": "b/DDD_LLL LL/DD_LLL LL_DD/LLL", "HU": "LLL/DDD", "BE": "D-LLL/DDD LLL/DDD M-LLL/DDD", "DK": "LL/DD_DDD LL/DDDDD", "NO": "LL/DDDD LL/DDDDD",
    "GB": "LLDD/LLL LDDD/LLL LLLD/DDL", "GR": "LLL/DDD LLL/DDDD", "FI": "LL/DDD LLL/DDD", "SK": "LL/DDDLL LL/DDD_LL", "BG": "L/DDDD_LL LL/DDDD_LL", "HR": "LL/DDD-LL LL/DDDD-LL",
    "UA": "LL/DDDD_LL DD/DD_LL", "TR": "DD/LL_DDDD DD_LL/DDDD DD/LLL_DDD", "BR": "LLL/DDDD", "BR2": "LLL/DLDD", "AR": "LDDD/LLL DDD/LLL LL_DDD/LL", "IN": "LL_DD/LL_DDDD LL_DD_LL/DDDD LL_DD_L/DDDD",
}

# country: (look, ink, grounds, typeface roles, patterns)
WORLD = {
    "BR": ("br", "black red white", "grey grey grey red", "uk uk din plain sans road", "LLL-DDDD LLL.DDDD"),
    "BR2": ("mercosul", "black black black red blue", "white", "fe", "LLLDLDD"),
    "AR": ("mercosul", "black", "white", "fe din", "LL_DDD_LL LLL_DDD"),
    "MX": ("us", "black green navy red", "white bluefade sunset", "us sans din", "LLL-DD-DD LLL-DDD-L LLL-DDDD DDD-LLL LL-DD-DDD DDD-LLL L-DDD-LLL NDLLL_DD"),
    "IN": ("plain", "black", "white white yellow", "din sans plain road", "kl_DD_LL_DDDD ka_DD_LL_DDDD dl_DLL_DDDD LL_DD_LL_DDDD LL_DD_L_DDDD LL_DD_DDDD"),
    "IL": ("eu", "black", "yellow", "din us sans", "DD-DDD-DD DDD-DD-DDD"),
    "AU": ("plain", "black navy blue green", "white yellow", "us din sans", "LLL-DDD LLDDLL DLL-DLL LLL_DDL"),
    "ZA": ("plain", "black navy green", "white", "din us sans", "LL_DD_LL_gp LLL_DDD_gp LL_DDDDD"),
    "JP": ("plain", "green", "white", "us sans", "DD-DD"),
}
