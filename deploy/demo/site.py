"""The site and the mailings of the fictitious company whose leads the demonstration shows."""

from dataclasses import dataclass
from typing import Final

ORIGIN: Final = "https://www.atelier-crm.example"  # .example is reserved: nobody's site


@dataclass(frozen=True)
class Page:
    """A page, and how long people usually stay on it."""

    path: str
    title: str
    seconds: float = 40.0

    @property
    def url(self) -> str:
        """The page's address."""
        return f"{ORIGIN}{self.path}"


HOME: Final = Page("/", "Atelier CRM", 20)
PRICING: Final = Page("/tarifs", "Tarifs", 95)
PRICING_LARGE: Final = Page("/tarifs/entreprise", "Tarifs : offre Entreprise", 120)
CRM: Final = Page("/integration-crm", "Intégration CRM", 110)
FEATURES: Final = Page("/fonctions", "Fonctions", 50)
SECURITY: Final = Page("/securite", "Sécurité et hébergement", 80)
DEMO: Final = Page("/demo", "Demander une démo", 45)
CONTACT: Final = Page("/contact", "Contact", 40)
GUIDES: Final = Page("/guides", "Guides et livres blancs", 35)
WEBINARS: Final = Page("/webinaires", "Webinaires", 35)
CAREERS: Final = Page("/carrieres", "Nous rejoindre", 70)
JOB: Final = Page("/carrieres/developpeur-python", "Offre : développeur Python", 90)
LOGIN: Final = Page("/connexion", "Connexion", 12)

CLIENTS: Final = (
    Page("/clients/metallurgie", "Clients : métallurgie", 75),
    Page("/clients/transport", "Clients : transport et logistique", 75),
    Page("/clients/cliniques", "Clients : cliniques", 75),
)
BLOG: Final = (
    Page("/blog/scoring-de-leads", "Blog : le scoring de leads expliqué", 140),
    Page("/blog/piloter-son-carnet-de-commandes", "Blog : piloter son carnet de commandes", 110),
    Page("/blog/relancer-sans-agacer", "Blog : relancer sans agacer", 90),
    Page("/blog/crm-et-erp", "Blog : CRM et ERP, qui fait quoi ?", 120),
    Page("/blog/mesurer-une-campagne", "Blog : mesurer une campagne", 100),
    Page("/blog/segmenter-ses-clients", "Blog : segmenter ses clients", 100),
    Page("/blog/rgpd-et-prospection", "Blog : RGPD et prospection", 130),
)
HELP: Final = (
    Page("/aide/importer-un-fichier", "Aide : importer un fichier", 60),
    Page("/aide/droits-des-utilisateurs", "Aide : droits des utilisateurs", 60),
    Page("/aide/relier-sa-messagerie", "Aide : relier sa messagerie", 60),
)
ASSETS: Final = (
    "Guide : choisir son CRM",
    "Guide : réussir sa reprise de données",
    "Guide : dix tableaux de bord pour l’industrie",
    "Modèle : cahier des charges CRM",
)
WHITE_PAPERS: Final = (
    "Livre blanc : le CRM en usine",
    "Livre blanc : le retour sur investissement d’un CRM",
)


@dataclass(frozen=True)
class Mailing:
    """An e-mail to everybody known: when, and where its link leads."""

    campaign: str
    title: str
    days_ago: float  # before the end of the demonstration; moved to a working day
    landing: Page


MAILINGS: Final = (
    Mailing("lettre-1", "La lettre : carnet de commandes", 40, BLOG[1]),
    Mailing("lettre-2", "La lettre : relancer sans agacer", 33, BLOG[2]),
    Mailing("cas-clients", "Cas clients : trois usines racontent", 29, CLIENTS[0]),
    Mailing("demo-20-min", "Démo : 20 min pour voir", 22, DEMO),
    Mailing("lettre-3", "La lettre : CRM et ERP", 19, BLOG[3]),
    Mailing("demo-sur-mesure", "Démo : avec vos données", 9, DEMO),
    Mailing("lettre-4", "La lettre : segmenter ses clients", 5, BLOG[5]),
)
