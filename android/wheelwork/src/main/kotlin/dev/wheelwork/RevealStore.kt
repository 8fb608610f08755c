package dev.wheelwork

import dev.wheelwork.ffi.Damage as FfiDamage
import dev.wheelwork.ffi.GarbageReport as FfiGarbageReport
import dev.wheelwork.ffi.InstallEvent as FfiInstallEvent
import dev.wheelwork.ffi.InstallOptions as FfiInstallOptions
import dev.wheelwork.ffi.InstallReport as FfiInstallReport
import dev.wheelwork.ffi.InstalledModel as FfiInstalledModel
import dev.wheelwork.ffi.InstalledPackage as FfiInstalledPackage
import dev.wheelwork.ffi.PackageHead as FfiPackageHead
import dev.wheelwork.ffi.PartialModel as FfiPartialModel
import dev.wheelwork.ffi.PublicKey as FfiPublicKey
import dev.wheelwork.ffi.SignaturePolicy as FfiSignaturePolicy
import dev.wheelwork.ffi.SignatureState as FfiSignatureState
import dev.wheelwork.ffi.StoreContents as FfiStoreContents
import dev.wheelwork.ffi.StoreStep as FfiStoreStep
import dev.wheelwork.ffi.VerifyEvent as FfiVerifyEvent
import dev.wheelwork.ffi.VerifyReport as FfiVerifyReport
import java.io.File

// A store's values over the language boundary.

internal fun InstallOptions.toFfi(): FfiInstallOptions = FfiInstallOptions(
    policy = when (policy) {
        SignaturePolicy.REQUIRE -> FfiSignaturePolicy.REQUIRE
        SignaturePolicy.WARN -> FfiSignaturePolicy.WARN
        SignaturePolicy.OFF -> FfiSignaturePolicy.OFF
    },
    allowDowngrade = allowDowngrade,
    threads = threads.toFfi(),
)

internal fun FfiInstallEvent.toPublic(): InstallEvent = when (this) {
    is FfiInstallEvent.Progress ->
        InstallEvent.Progress(step.toPublic(), doneBytes.toCount(), totalBytes.toCount())
    is FfiInstallEvent.Finished -> InstallEvent.Finished(report.toPublic())
}

internal fun FfiVerifyEvent.toPublic(): VerifyEvent = when (this) {
    is FfiVerifyEvent.Progress -> VerifyEvent.Progress(doneBytes.toCount(), totalBytes.toCount())
    is FfiVerifyEvent.Finished -> VerifyEvent.Finished(report.toPublic())
}

internal fun FfiStoreContents.toPublic(): StoreContents =
    StoreContents(models.map { it.toPublic() }, partials.map { it.toPublic() })

internal fun FfiGarbageReport.toPublic(): GarbageReport =
    GarbageReport(versions.toCount(), partials.toCount(), staged.toCount(), bytes.toCount())

internal fun FfiPackageHead.toPublic(): PackageHead = PackageHead(
    name = name,
    version = version.toCount(),
    id = id,
    signature = signature.toPublic(),
    containerBytes = containerBytes.toCount(),
    fileBytes = fileBytes.toCount(),
    files = files.toCount(),
)

internal fun FfiPublicKey.toPublic(): PublicKey = PublicKey(pem, fingerprint)

internal fun FfiSignatureState.toPublic(): SignatureState = when (this) {
    is FfiSignatureState.Valid -> SignatureState.Valid(key)
    FfiSignatureState.Missing -> SignatureState.Missing
    is FfiSignatureState.UnknownKey -> SignatureState.UnknownKey(hint)
    is FfiSignatureState.Invalid -> SignatureState.Invalid(why)
    FfiSignatureState.NotChecked -> SignatureState.NotChecked
}

private fun FfiInstallReport.toPublic(): InstallReport = InstallReport(
    name = name,
    version = version.toCount(),
    id = id,
    folder = File(path),
    signature = signature.toPublic(),
    isNew = isNew,
    replacedVersion = replacedVersion?.toCount(),
    packageBytes = packageBytes.toCount(),
    receivedBytes = receivedBytes.toCount(),
    resumedBytes = resumedBytes.toCount(),
    reusedBytes = reusedBytes.toCount(),
)

private fun FfiVerifyReport.toPublic(): VerifyReport =
    VerifyReport(name, files.toCount(), bytes.toCount(), damage.map { it.toPublic() })

private fun FfiDamage.toPublic(): Damage = when (this) {
    FfiDamage.Head -> Damage.Head
    is FfiDamage.Missing -> Damage.Missing(file)
    is FfiDamage.Size -> Damage.Size(file, found.toCount(), expected.toCount())
    is FfiDamage.Chunk -> Damage.Chunk(file, chunk.toCount(), offset.toCount(), bytes.toCount())
    is FfiDamage.Unexpected -> Damage.Unexpected(file)
}

private fun FfiInstalledModel.toPublic(): InstalledModel =
    InstalledModel(name, File(path), `package`?.toPublic(), signature.toPublic())

private fun FfiInstalledPackage.toPublic(): InstalledPackage = InstalledPackage(version.toCount(), id, bytes.toCount())

private fun FfiPartialModel.toPublic(): PartialModel = PartialModel(name, version?.toCount(), bytes.toCount())

private fun FfiStoreStep.toPublic(): StoreStep = when (this) {
    FfiStoreStep.SCAN -> StoreStep.SCAN
    FfiStoreStep.COMPRESS -> StoreStep.COMPRESS
    FfiStoreStep.RESUME -> StoreStep.RESUME
    FfiStoreStep.REUSE -> StoreStep.REUSE
    FfiStoreStep.RECEIVE -> StoreStep.RECEIVE
    FfiStoreStep.VERIFY -> StoreStep.VERIFY
    FfiStoreStep.SYNC -> StoreStep.SYNC
}
