"""The words of the fictional world: countries with their cities, families, trades and spellings."""

# ruff: noqa: RUF001 -- the world writes in more than one alphabet

from typing import NamedTuple


class Country(NamedTuple):
    """How companies of one country are called, found and telephoned."""

    code: str
    """ISO alpha-2."""
    code3: str
    currency: str
    dial: str
    trunk: str
    """What is dialled before the area within the country."""
    areas: tuple[str, ...]
    rest: int
    """Digits of a number after the area."""
    postal: str
    """The form of a postal code; `#` is a digit."""
    cities: tuple[str, ...]
    streets: tuple[tuple[str, str], ...]
    """Streets in full, and as they are abbreviated; `{}` is the house number."""
    families: tuple[tuple[str, str], ...]
    """Names as the family writes them, and as they are typed where a key is missing."""
    forms: tuple[tuple[str, str], ...]
    """Legal forms, short and in full."""


GERMANY = Country(
    "DE",
    "DEU",
    "EUR",
    "49",
    "0",
    ("30", "89", "40", "361", "221"),
    7,
    "#####",
    ("Berlin", "München", "Köln", "Erfurt", "Düsseldorf", "Saarbrücken"),
    (
        ("Hauptstraße {}", "Hauptstr. {}"),
        ("Bahnhofstraße {}", "Bahnhofstr. {}"),
        ("Am Alten Platz {}", "Am Alten Pl. {}"),
    ),
    (
        ("Müller", "Mueller"),
        ("Schröder", "Schroeder"),
        ("Weiß", "Weiss"),
        ("Jäger", "Jaeger"),
        ("König", "Koenig"),
        ("Krüger", "Krueger"),
        ("Becker", "Becker"),
        ("Vogel", "Vogel"),
    ),
    (
        ("GmbH", "Gesellschaft mit beschränkter Haftung"),
        ("AG", "Aktiengesellschaft"),
        ("e.K.", "eingetragener Kaufmann"),
    ),
)
AUSTRIA = GERMANY._replace(
    code="AT",
    code3="AUT",
    dial="43",
    areas=("1", "316", "732"),
    postal="####",
    cities=("Wien", "Graz", "Linz", "Sankt Pölten"),
    families=(("Österreicher", "Oesterreicher"), ("Bäumler", "Baeumler"), ("Gruber", "Gruber"), ("Höller", "Hoeller")),
    forms=(("GmbH", "Gesellschaft m.b.H."), ("OG", "Offene Gesellschaft"), ("KG", "Kommanditgesellschaft")),
)
FRANCE = Country(
    "FR",
    "FRA",
    "EUR",
    "33",
    "0",
    ("1", "4", "5"),
    8,
    "#####",
    ("Paris", "Orléans", "Saint-Étienne", "L'Haÿ-les-Roses"),
    (
        ("{} avenue de l'Église", "{} av. de l'Eglise"),
        ("{} boulevard Voltaire", "{} bd Voltaire"),
        ("{} rue du Marché", "{} r. du Marche"),
    ),
    (
        ("L'Étoile", "L'Etoile"),
        ("D'Hérouville", "D'Herouville"),
        ("Lefèvre", "Lefevre"),
        ("François", "Francois"),
        ("Dubois", "Dubois"),
    ),
    (
        ("SARL", "Société à responsabilité limitée"),
        ("SA", "Société anonyme"),
        ("SAS", "Société par actions simplifiée"),
    ),
)
ITALY = Country(
    "IT",
    "ITA",
    "EUR",
    "39",
    "",
    ("02", "06", "081"),
    7,
    "#####",
    ("Milano", "Roma", "Forlì", "Cantù"),
    (
        ("Via Roma {}", "V. Roma {}"),
        ("Piazza della Libertà {}", "P.zza della Liberta {}"),
        ("Corso Italia {}", "C.so Italia {}"),
    ),
    (("Nicolò", "Nicolo"), ("D'Angelo", "D Angelo"), ("Rossi", "Rossi"), ("Esposito", "Esposito")),
    (("S.r.l.", "Società a responsabilità limitata"), ("S.p.A.", "Società per azioni")),
)
POLAND = Country(
    "PL",
    "POL",
    "EUR",
    "48",
    "",
    ("22", "12", "71"),
    7,
    "##-###",
    ("Warszawa", "Kraków", "Wrocław", "Łódź"),
    (("ulica Długa {}", "ul. Dluga {}"), ("aleja Jana Pawła II {}", "al. Jana Pawla II {}")),
    (("Żółkowski", "Zolkowski"), ("Wójcik", "Wojcik"), ("Nowak", "Nowak"), ("Świątek", "Swiatek")),
    (("Sp. z o.o.", "Spółka z ograniczoną odpowiedzialnością"), ("S.A.", "Spółka Akcyjna")),
)
SWEDEN = Country(
    "SE",
    "SWE",
    "EUR",
    "46",
    "0",
    ("8", "31", "40"),
    7,
    "### ##",
    ("Stockholm", "Göteborg", "Malmö", "Älmhult"),
    (("Storgatan {}", "Storg. {}"), ("Kungsvägen {}", "Kungsv. {}")),
    (("Åström", "Astrom"), ("Öberg", "Oberg"), ("Lindqvist", "Lindqvist")),
    (("AB", "Aktiebolag"), ("HB", "Handelsbolag")),
)
GREECE = Country(
    "GR",
    "GRC",
    "EUR",
    "30",
    "",
    ("21", "231"),
    8,
    "### ##",
    ("Αθήνα", "Θεσσαλονίκη"),
    (("Οδός Ερμού {}", "Ermou {}"), ("Λεωφόρος Κηφισίας {}", "Λεωφ. Κηφισίας {}")),
    (("Παπαδόπουλος", "Papadopoulos"), ("Νικολάου", "Nikolaou"), ("Αφοί Γεωργίου", "Afoi Georgiou")),
    (("ΑΕ", "Ανώνυμη Εταιρεία"), ("ΕΠΕ", "Εταιρεία Περιορισμένης Ευθύνης")),
)
BULGARIA = Country(
    "BG",
    "BGR",
    "EUR",
    "359",
    "0",
    ("2", "32"),
    7,
    "####",
    ("София", "Пловдив"),
    (("бул. Витоша {}", "bul. Vitosha {}"), ("ул. Шипка {}", "ul. Shipka {}")),
    (("Иванов и синове", "Ivanov i sinove"), ("Димитрова", "Dimitrova"), ("Георгиев", "Georgiev")),
    (("ЕООД", "Еднолично дружество с ограничена отговорност"), ("АД", "Акционерно дружество")),
)
JAPAN = Country(
    "JP",
    "JPN",
    "JPY",
    "81",
    "0",
    ("3", "6", "45"),
    8,
    "###-####",
    ("東京都", "大阪市", "横浜市"),
    (("銀座{}丁目", "Ginza {}-chome"), ("本町{}番地", "Honmachi {}")),
    (("山田製作所", "Yamada Seisakusho"), ("鈴木商店", "Suzuki Shoten"), ("佐藤工業", "Sato Kogyo")),
    (("株式会社", "Kabushiki Kaisha"), ("合同会社", "Godo Kaisha")),
)
AMERICA = Country(
    "US",
    "USA",
    "USD",
    "1",
    "",
    ("212", "415", "617"),
    7,
    "#####",
    ("New York", "San Francisco", "Boston"),
    (
        ("{} Main Street", "{} Main St."),
        ("{} Ocean Avenue", "{} Ocean Ave"),
        ("{} Saint Mark's Place", "{} St. Marks Pl"),
    ),
    (("O'Brien", "OBrien"), ("McAllister", "Mc Allister"), ("Johnson", "Johnson"), ("Núñez", "Nunez")),
    (("Inc.", "Incorporated"), ("LLC", "Limited Liability Company"), ("Corp.", "Corporation")),
)

COUNTRIES = (GERMANY, AUSTRIA, FRANCE, ITALY, POLAND, SWEDEN, GREECE, BULGARIA, JAPAN, AMERICA)
WEIGHTS = (30, 12, 14, 11, 9, 7, 5, 5, 3, 4)

TRADES = (
    "Metallbau",
    "Logistics",
    "Café & Bar",
    "Elektro",
    "Papeterie",
    "Bikes",
    "Optik",
    "Gartenbau",
    "Systems",
    "Druck + Medien",
    "Möbel",
    "Pharma",
    "Data & Cloud",
    "Werkzeuge",
    "Textil",
)
JOINTS = (" ", " & Co. ", " & Söhne ", " – ")

FIRST_NAMES = (
    "Anna",
    "Björn",
    "Chloé",
    "Dmitri",
    "Eva-Maria",
    "François",
    "Giulia",
    "Håkan",
    "Ines",
    "José",
    "Katarzyna",
    "Łukasz",
    "Małgorzata",
    "Noël",
    "Ömer",
    "Siân",
)
LAST_NAMES = (
    "O'Neill",
    "van der Berg",
    "Müller-Lüdenscheidt",
    "Ó Súilleabháin",
    "Nguyễn",
    "García Márquez",
    "Kowalska",
    "Sørensen",
    "Hofmann",
    "Dvořák",
    "Rossi",
    "Lindström",
)
JOBS = ("Purchasing", "Geschäftsführung", "CEO", "Buchhaltung", "Facility Manager", "Head of R&D", "Einkauf / Logistik")
NOTES = (
    "Calls back late.\nAsk for the blue catalogue 📘",
    "⚠️ pays by bank transfer only\n\nSecond address for deliveries",
    "Messe-Kontakt 2024; wünscht Angebote per E-Mail.\r\nSkonto 2 %",
    'VIP 🥇 — "always" ship on Tuesday; don\'t call before 9',
    "取引先 since 2019\tlisted supplier",
)
MATERIALS = ("Steel", "Oak", "Brass", "Rubber", "Glass", "Copper", "Nylon", "Ceramic", "Cork", "Linen")
GOODS = (
    "bolt M8×40",
    "hinge 90°",
    "cable Ø 3 mm",
    'panel ½"',
    "bearing",
    "valve",
    "gasket",
    "bracket",
    "handle",
    "filter",
    "seal",
    "rail",
)
