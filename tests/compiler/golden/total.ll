declare <32 x double> @llvm.fabs.v32f64(<32 x double>)
declare <32 x double> @llvm.masked.load.v32f64.p0(ptr, i32, <32 x i1>, <32 x double>)
define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end) {
entry:
  %v1 = getelementptr i64, ptr %rec, i64 6
  %v2 = load i64, ptr %v1, align 8, !invariant.load !0
  %v3 = getelementptr i64, ptr %rec, i64 7
  %v4 = load i64, ptr %v3, align 8, !invariant.load !0
  %v5 = getelementptr i64, ptr %rec, i64 8
  %v6 = load i64, ptr %v5, align 8, !invariant.load !0
  %v7 = getelementptr i64, ptr %rec, i64 9
  %v8 = load i64, ptr %v7, align 8, !invariant.load !0
  %v9 = getelementptr i64, ptr %rec, i64 10
  %v10 = load i64, ptr %v9, align 8, !invariant.load !0
  %v11 = getelementptr i64, ptr %rec, i64 11
  %v12 = load i64, ptr %v11, align 8, !invariant.load !0
  %v13 = getelementptr i64, ptr %rec, i64 12
  %v14 = load i64, ptr %v13, align 8, !invariant.load !0
  %v15 = getelementptr i64, ptr %rec, i64 13
  %v16 = load i64, ptr %v15, align 8, !invariant.load !0
  %v17 = getelementptr i64, ptr %rec, i64 14
  %v18 = load i64, ptr %v17, align 8, !invariant.load !0
  %v19 = getelementptr i64, ptr %rec, i64 15
  %v20 = load i64, ptr %v19, align 8, !invariant.load !0
  %v21 = getelementptr i64, ptr %rec, i64 2
  %v22 = load i64, ptr %v21, align 8, !invariant.load !0
  %v23 = getelementptr ptr, ptr %slots, i64 %v22
  %v24 = load ptr, ptr %v23, align 8, !invariant.load !0
  %v25 = getelementptr i64, ptr %rec, i64 5
  %v26 = load i64, ptr %v25, align 8, !invariant.load !0
  %v27 = getelementptr ptr, ptr %slots, i64 %v26
  %v28 = load ptr, ptr %v27, align 8, !invariant.load !0
  %v29 = getelementptr i64, ptr %rec, i64 1
  %v30 = load i64, ptr %v29, align 8, !invariant.load !0
  %v31 = getelementptr i64, ptr %rec, i64 0
  %v32 = load i64, ptr %v31, align 8, !invariant.load !0
  %v33 = getelementptr i64, ptr %rec, i64 4
  %v34 = load i64, ptr %v33, align 8, !invariant.load !0
  %v35 = getelementptr i64, ptr %rec, i64 3
  %v36 = load i64, ptr %v35, align 8, !invariant.load !0
  %v37 = mul i64 %begin, %v2
  %v38 = mul i64 %end, %v2
  %v39 = icmp slt i64 %v38, %v4
  %v40 = select i1 %v39, i64 %v38, i64 %v4
  %v41 = icmp slt i64 %v37, %v40
  br i1 %v41, label %start3, label %finished2
start3:
  br label %unit1
unit1:
  %p42 = phi i64 [%v37, %start3], [%v94, %end7]
  %p43 = phi i64 [%v37, %start3], [%v95, %end7]
  %v44 = mul i64 %p43, %v16
  %v45 = sub i64 %v18, %v44
  %v46 = icmp slt i64 %v16, %v45
  %v47 = select i1 %v46, i64 %v16, i64 %v45
  %v48 = mul i64 %p43, %v32
  %v49 = add i64 %v30, %v48
  %v50 = mul i64 %p43, %v36
  %v51 = add i64 %v34, %v50
  %v52 = sub i64 %v47, 0
  %v53 = and i64 %v52, -32
  %v54 = icmp slt i64 0, %v53
  br i1 %v54, label %loop4, label %done5
loop4:
  %p55 = phi i64 [0, %unit1], [%v62, %loop4]
  %p56 = phi <32 x double> [<double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000>, %unit1], [%v61, %loop4]
  %v57 = add i64 %v49, %p55
  %v58 = getelementptr double, ptr %v24, i64 %v57
  %v59 = load <32 x double>, ptr %v58, align 8
  %v60 = call <32 x double> @llvm.fabs.v32f64(<32 x double> %v59)
  %v61 = fadd <32 x double> %p56, %v60
  %v62 = add i64 %p55, 32
  %v63 = icmp slt i64 %v62, %v53
  br i1 %v63, label %loop4, label %done5
done5:
  %p64 = phi <32 x double> [<double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000>, %unit1], [%v61, %loop4]
  %v65 = icmp slt i64 %v53, %v47
  br i1 %v65, label %tail6, label %end7
tail6:
  %v66 = sub i64 %v47, %v53
  %v67 = trunc i64 %v66 to i32
  %v68 = insertelement <32 x i32> poison, i32 %v67, i64 0
  %v69 = shufflevector <32 x i32> %v68, <32 x i32> poison, <32 x i32> zeroinitializer
  %v70 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v69
  %v71 = add i64 %v49, %v53
  %v72 = getelementptr double, ptr %v24, i64 %v71
  %v73 = call <32 x double> @llvm.masked.load.v32f64.p0(ptr %v72, i32 8, <32 x i1> %v70, <32 x double> zeroinitializer)
  %v74 = call <32 x double> @llvm.fabs.v32f64(<32 x double> %v73)
  %v75 = fadd <32 x double> %p64, %v74
  %v76 = select <32 x i1> %v70, <32 x double> %v75, <32 x double> %p64
  br label %end7
end7:
  %p77 = phi <32 x double> [%p64, %done5], [%v76, %tail6]
  %v78 = shufflevector <32 x double> %p77, <32 x double> poison, <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v79 = shufflevector <32 x double> %p77, <32 x double> poison, <16 x i32> <i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>
  %v80 = fadd <16 x double> %v78, %v79
  %v81 = shufflevector <16 x double> %v80, <16 x double> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v82 = shufflevector <16 x double> %v80, <16 x double> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v83 = fadd <8 x double> %v81, %v82
  %v84 = shufflevector <8 x double> %v83, <8 x double> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v85 = shufflevector <8 x double> %v83, <8 x double> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v86 = fadd <4 x double> %v84, %v85
  %v87 = shufflevector <4 x double> %v86, <4 x double> poison, <2 x i32> <i32 0, i32 1>
  %v88 = shufflevector <4 x double> %v86, <4 x double> poison, <2 x i32> <i32 2, i32 3>
  %v89 = fadd <2 x double> %v87, %v88
  %v90 = extractelement <2 x double> %v89, i64 0
  %v91 = extractelement <2 x double> %v89, i64 1
  %v92 = fadd double %v90, %v91
  %v93 = getelementptr double, ptr %v28, i64 %v51
  store double %v92, ptr %v93, align 8
  %v94 = add i64 %p42, 1
  %v95 = add i64 %p43, 1
  %v96 = icmp slt i64 %v94, %v40
  br i1 %v96, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}

declare <4 x double> @llvm.masked.load.v4f64.p0(ptr, i32, <4 x i1>, <4 x double>)
define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end) {
entry:
  %v1 = getelementptr i64, ptr %rec, i64 4
  %v2 = load i64, ptr %v1, align 8, !invariant.load !0
  %v3 = getelementptr i64, ptr %rec, i64 5
  %v4 = load i64, ptr %v3, align 8, !invariant.load !0
  %v5 = getelementptr i64, ptr %rec, i64 6
  %v6 = load i64, ptr %v5, align 8, !invariant.load !0
  %v7 = getelementptr i64, ptr %rec, i64 7
  %v8 = load i64, ptr %v7, align 8, !invariant.load !0
  %v9 = getelementptr i64, ptr %rec, i64 8
  %v10 = load i64, ptr %v9, align 8, !invariant.load !0
  %v11 = getelementptr i64, ptr %rec, i64 9
  %v12 = load i64, ptr %v11, align 8, !invariant.load !0
  %v13 = getelementptr i64, ptr %rec, i64 1
  %v14 = load i64, ptr %v13, align 8, !invariant.load !0
  %v15 = getelementptr ptr, ptr %slots, i64 %v14
  %v16 = load ptr, ptr %v15, align 8, !invariant.load !0
  %v17 = getelementptr i64, ptr %rec, i64 3
  %v18 = load i64, ptr %v17, align 8, !invariant.load !0
  %v19 = getelementptr ptr, ptr %slots, i64 %v18
  %v20 = load ptr, ptr %v19, align 8, !invariant.load !0
  %v21 = getelementptr i64, ptr %rec, i64 0
  %v22 = load i64, ptr %v21, align 8, !invariant.load !0
  %v23 = getelementptr i64, ptr %rec, i64 2
  %v24 = load i64, ptr %v23, align 8, !invariant.load !0
  %v25 = mul i64 %begin, %v2
  %v26 = mul i64 %end, %v2
  %v27 = icmp slt i64 %v26, %v4
  %v28 = select i1 %v27, i64 %v26, i64 %v4
  %v29 = icmp slt i64 %v25, %v28
  br i1 %v29, label %start3, label %finished2
start3:
  br label %unit1
unit1:
  %p30 = phi i64 [%v25, %start3], [%v46, %unit1]
  %v31 = trunc i64 %v10 to i32
  %v32 = insertelement <4 x i32> poison, i32 %v31, i64 0
  %v33 = shufflevector <4 x i32> %v32, <4 x i32> poison, <4 x i32> zeroinitializer
  %v34 = icmp slt <4 x i32> <i32 0, i32 1, i32 2, i32 3>, %v33
  %v35 = getelementptr double, ptr %v16, i64 %v22
  %v36 = call <4 x double> @llvm.masked.load.v4f64.p0(ptr %v35, i32 8, <4 x i1> %v34, <4 x double> zeroinitializer)
  %v37 = fadd <4 x double> <double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000>, %v36
  %v38 = select <4 x i1> %v34, <4 x double> %v37, <4 x double> <double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000>
  %v39 = shufflevector <4 x double> %v38, <4 x double> poison, <2 x i32> <i32 0, i32 1>
  %v40 = shufflevector <4 x double> %v38, <4 x double> poison, <2 x i32> <i32 2, i32 3>
  %v41 = fadd <2 x double> %v39, %v40
  %v42 = extractelement <2 x double> %v41, i64 0
  %v43 = extractelement <2 x double> %v41, i64 1
  %v44 = fadd double %v42, %v43
  %v45 = getelementptr double, ptr %v20, i64 %v24
  store double %v44, ptr %v45, align 8
  %v46 = add i64 %p30, 1
  %v47 = icmp slt i64 %v46, %v28
  br i1 %v47, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}
