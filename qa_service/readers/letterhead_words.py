"""The words around a release that say what is what, in the languages that press offices write most.

No library has them. What stands before a date, the kind of paper, and how the names of institutions begin.
Fragments of patterns, to be matched without regard to case.
"""

MARKERS = (
    r"(?:joint |official )?(?:press|news|media) (?:release|statement|communiqu[eé])",
    r"for immediate release|(?:joint )?statement|communiqu[eé]|readout",
    r"communiqu[eé] de presse|pour diffusion imm[eé]diate|d[eé]claration(?: commune)?",
    r"(?:nota|comunicado) de prensa|comunicado(?: oficial| conjunto)?",
    r"para (?:su )?(?:difusi[oó]n|publicaci[oó]n) inmediata",
    r"presse(?:mitteilung|meldung|information|erkl[aä]rung)",
    r"medienmitteilung|zur sofortigen ver[oö]ffentlichung",
    r"comunicato stampa|nota stampa",
    r"comunicado (?:de|[aà]) imprensa|nota (?:de|[aà]) imprensa|nota oficial",
    r"persbericht|pressmeddelande|pressemelding|pressemeddelelse|lehdist[oö]tiedote",
    r"komunikat prasowy|informacja prasowa|tiskov[aá] zpr[aá]va",
    r"priop[cć]enje za (?:javnost|medije)|comunicat de pres[aă]",
    r"пресс-релиз|прес-реліз|сообщение для (?:прессы|сми)",
    r"bas[iı]n (?:b[uü]lteni|a[cç][iı]klamas[iı])|siaran pers|th[oô]ng c[aá]o b[aá]o ch[ií]",
    "(?:សេចក្(?:តី|ដី)|បទ)?ប្រកាស(?:ព័ត៌មាន|ព៌ត៌មាន)|សេចក្(?:តី|ដី)(?:ជូនដំណឹង|ថ្លែងការណ៍)(?:រួម)?|ព័ត៌មានសារព័ត៌មាន",
    r"ข่าวประชาสัมพันธ์|ข่าวแจก|แถลงการณ์|新闻稿|新聞稿|プレスリリース|報道発表|보도자료|بيان صحفي",
)
"""The kind of paper: "PRESS RELEASE"."""

INSTITUTIONS = (
    r"(?:ministry|minister|embassy|consulate|department|office|bureau|agency|commission|council|"
    r"authority|secretariat|delegation|mission|government|bank|university|institute|company|"
    r"corporation|inc|ltd|llc|plc|gmbh|association|foundation|union|court|parliament|senate)\b",
    r"(?:minist[eè]re|ambassade|consulat|pr[eé]fecture|mairie|gouvernement|universit[eé]|banque|soci[eé]t[eé]|autorit[eé])\b",
    r"(?:ministerio|embajada|consulado|secretar[ií]a|gobierno|ayuntamiento|universidad|banco|agencia|autoridad)\b",
    r"(?:\w*ministerium|botschaft|konsulat|bundesamt|\w+amt|senatsverwaltung|\w*beh[oö]rde|universit[aä]t|stadt|ag|e\.v)\b",
    r"(?:ministero|ambasciata|consolato|comune|governo|universit[aà]|agenzia|autorit[aà])\b",
    r"(?:minist[eé]rio|embaixada|c[aâ]mara|secretaria|prefeitura|universidade|ag[eê]ncia|autoridade)\b",
    r"(?:ministerie|gemeente|ambassad\w*|министерство|посольство|правительство|ministerstwo|bakanl[iı][gğ][iı])\b",
    "ក្រសួង|ស្ថានទូត|ស្ថានឯកអគ្គរដ្ឋទូត|រាជរដ្ឋាភិបាល|អាជ្ញាធរ|ក្រុមប្រឹក្សា|ធនាគារ",
    r"กระทรวง|สถานทูต|大使馆|大使館|外交部|부\b|وزارة|سفارة",
)
"""What the name of an institution has in it."""

BEFORE_DATES = frozenset(
    "on the date dated issued released release published updated"
    " le du publié émis fecha el del a datum den am vom stand data il del em lì"
    " kuupäev dato datum: дата от ថ្ងៃ ថ្ងៃទី".split()
)
"""What may stand between a place and a date."""

ABOUT = r"[AÀ] propos d(?:e |[eu]s? |['’])|Acerca d(?:e |el )|Sobre |Über |Informazioni su |Over "
"""How the heading of what a release says of its issuer begins, with the blank behind it."""

CONTACTS = (
    r"contacts? (?:de |pour la )?(?:presse|m[eé]dias?)"
    r"|contactos? (?:de|para|con) (?:la )?(?:prensa|medios)|presse-?kontakt"
    r"|ansprechpartner\w*|contatt[oi] (?:per la )?stampa"
    r"|contac?tos? (?:de|para|da) (?:a )?imprensa|perscontact|presskontakt"
    r"|ទំនាក់ទំនង(?:សារព័ត៌មាន|ព័ត៌មាន)?(?=\s*[:៖]|$)"
)
